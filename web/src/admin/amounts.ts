// How the admin rooms write times of work, which are shorter than those of one picture.

const MS_PER_S = 1000;
const SHORT_MS = 60_000;

/** Milliseconds as `0.4 s` or `12.3 s` below a minute; null for what is longer and is written in whole seconds. */
export function formatShort(milliseconds: number, locale: string): string | null {
  if (milliseconds >= SHORT_MS) return null;
  const seconds = new Intl.NumberFormat(locale, { maximumFractionDigits: 1 }).format(
    Math.max(0, milliseconds) / MS_PER_S,
  );
  return `${seconds} ${locale.startsWith('zh') ? '秒' : 's'}`;
}
