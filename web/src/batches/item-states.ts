// The states of an item, by the letters of the wire. Apart from the grid, since addresses are read before the room is downloaded.

/** What an item's letter means, in the order of the filters. */
export const STATES = {
  q: 'queued',
  r: 'running',
  s: 'succeeded',
  f: 'failed',
  c: 'cancelled',
} as const;

export type StateLetter = keyof typeof STATES;
export type StateName = (typeof STATES)[StateLetter];
export const STATE_LETTERS = Object.keys(STATES) as StateLetter[];
export const STATE_NAMES = Object.values(STATES);
