// How the admin rooms write sizes of disks and times of work, which are larger and shorter than those of one picture.

const UNITS = ['kB', 'MB', 'GB', 'TB', 'PB'] as const;
const STEP = 1000;
const DECIMALS_BELOW = 100;
const SHORT_MS = 60_000;

/** Bytes as `348 kB`, `1.2 GB` or `63.9 GB`. */
export function formatSize(bytes: number, locale: string): string {
  let value = bytes / STEP;
  let unit = 0;
  while (value >= STEP && unit < UNITS.length - 1) {
    value /= STEP;
    unit += 1;
  }
  const digits = value < DECIMALS_BELOW && unit > 0 ? 1 : 0;
  return `${new Intl.NumberFormat(locale, { maximumFractionDigits: digits }).format(value)} ${UNITS[unit]}`;
}

/** Milliseconds as `0.4 s` or `12.3 s` below a minute; null for what is longer and is written in whole seconds. */
export function formatShort(milliseconds: number, locale: string): string | null {
  if (milliseconds >= SHORT_MS) return null;
  const seconds = new Intl.NumberFormat(locale, { maximumFractionDigits: 1 }).format(
    Math.max(0, milliseconds) / STEP,
  );
  return `${seconds} ${locale.startsWith('zh') ? '秒' : 's'}`;
}
