// The addresses of the Batch room: which items a batch shows and which one is open. What cannot be read is left out.
import { STATE_NAMES, type StateName } from './item-states.ts';

export interface BatchSearch {
  /** The one state that is shown; all without it. */
  show?: StateName;
  /** The open item, counted from 1. */
  item?: number;
}

export function parseBatchSearch(search: Record<string, unknown>): BatchSearch {
  const show = STATE_NAMES.find((name) => name === search.show);
  const item = Number(search.item);
  return {
    ...(show === undefined ? {} : { show }),
    ...(search.item !== undefined && Number.isInteger(item) && item > 0 ? { item } : {}),
  };
}
