// What may be a query parameter, the same on both databases. node:sqlite takes a leading Date for named parameters
// without an error, and pg would turn it into local time: whatever is not plain data is refused here, by name.

/** Text, a number, null or bytes, as both drivers bind them without a change of meaning. */
export type SqlParameter = string | number | bigint | null | Uint8Array;

function describe(value: unknown): string {
  if (value === undefined) return 'undefined (use null, or leave the column out)';
  if (value instanceof Date) return 'a Date (times are integer milliseconds)';
  if (Array.isArray(value)) return 'an array (JSON is stored as text: JSON.stringify it)';
  if (typeof value === 'object') return 'an object (JSON is stored as text: JSON.stringify it)';
  return `a ${typeof value}`;
}

function toSqlParameter(value: unknown, position: number, sql: string): SqlParameter {
  switch (typeof value) {
    case 'string':
      return value;
    case 'number':
      if (Number.isSafeInteger(value)) return value;
      if (Number.isFinite(value) && !Number.isInteger(value)) return value;
      break;
    case 'boolean':
      return value ? 1 : 0;
    case 'bigint':
      if (value <= Number.MAX_SAFE_INTEGER && value >= Number.MIN_SAFE_INTEGER) return value;
      break;
    default:
      if (value === null || value instanceof Uint8Array) return value;
      throw new TypeError(`Parameter ${position + 1} is ${describe(value)} in: ${sql.slice(0, 200)}`);
  }
  throw new RangeError(
    `Parameter ${position + 1} is ${value}, which is not an exact integer within 2^53, in: ${sql.slice(0, 200)}`,
  );
}

/**
 * Checks every parameter and maps booleans to 0 and 1. Throws TypeError for a Date, undefined, array or object,
 * RangeError for NaN, infinity and integers over 2^53 (they could be stored, but not read back).
 */
export function toSqlParameters(parameters: readonly unknown[], sql: string): SqlParameter[] {
  return parameters.map((value, position) => toSqlParameter(value, position, sql));
}
