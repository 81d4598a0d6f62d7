// Custom properties in a style object. Preact writes them through the CSSOM, which a strict content security policy allows.
import type { CSSProperties } from 'react';

export function cssVariables(variables: Record<`--${string}`, string | number>): CSSProperties {
  return variables as CSSProperties;
}
