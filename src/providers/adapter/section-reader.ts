// Reads one provider's section of the configuration, where a value may come from YAML or as text from the environment.
// An empty value is one that was not set. What is wrong stops the start with the name of the setting, never its value.
import { AppError } from '../../kernel/errors.ts';

export type RawSection = Readonly<Record<string, unknown>>;

/** The section `providers.<name>`; every method throws `validation_failed`. */
export class SectionReader {
  readonly #name: string;
  readonly #raw: RawSection;

  constructor(name: string, raw: RawSection) {
    this.#name = name;
    this.#raw = raw;
  }

  refuse(key: string, problem: string): never {
    throw new AppError('validation_failed', { detail: `providers.${this.#name}.${key} ${problem}.` });
  }

  /** Trimmed text; a list comes with commas; null when it is not set. */
  text(key: string): string | null {
    const value = this.#raw[key];
    if (value === undefined || value === null || value === '') return null;
    if (Array.isArray(value)) return value.map(String).join(',');
    if (typeof value === 'string' || typeof value === 'number') return String(value).trim();
    return this.refuse(key, 'must be text');
  }

  number(key: string, { least, most }: { least: number; most: number }): number | null {
    const text = this.text(key);
    if (text === null) return null;
    const value = Number(text);
    if (Number.isFinite(value) && value >= least && value <= most) return value;
    return this.refuse(key, `must be a number from ${least} to ${most}`);
  }

  /** The entries of a list, each once. */
  list(key: string): string[] {
    const entries = (this.text(key) ?? '').split(',').map((entry) => entry.trim());
    return [...new Set(entries.filter((entry) => entry !== ''))];
  }

  /** An address without query and trailing slash, and without `version` at its end, which people paste along. */
  address(key: string, { example, version }: { example: string; version: RegExp }): string | null {
    const text = this.text(key);
    if (text === null) return null;
    if (!URL.canParse(text)) this.refuse(key, `must be an address such as ${example}`);
    const url = new URL(text);
    if (!/^https?:$/.test(url.protocol)) this.refuse(key, 'must begin with http or https');
    if (url.username !== '' || url.password !== '') {
      this.refuse(key, 'must not contain a user name or password');
    }
    return `${url.origin}${url.pathname}`.replace(/\/+$/, '').replace(version, '');
  }
}

/** Whether `text` can stand in a header: anything but printable ASCII could not. */
export function fitsHeader(text: string): boolean {
  return /^[\x21-\x7e]+$/.test(text);
}
