// Every route contract there is, slice by slice: what openapi.json, /docs and `drawbridge openapi` describe.
import * as accounts from './accounts/contract.ts';
import * as batches from './batches/contract.ts';
import * as compat from './compat/contract.ts';
import * as credits from './credits/contract.ts';
import type { RouteContract } from './kernel/route.ts';
import * as media from './media/contract.ts';
import * as operations from './operations/contract.ts';
import * as providers from './providers/contract.ts';
import * as shares from './shares/contract.ts';
import * as stories from './stories/contract.ts';
import * as styles from './styles/contract.ts';
import * as sync from './sync/contract.ts';
import * as tasks from './tasks/contract.ts';
import * as webhooks from './webhooks/contract.ts';

/** In the order of the tags on the page. */
const SLICES: Record<string, unknown>[] = [
  tasks,
  batches,
  styles,
  stories,
  webhooks,
  compat,
  media,
  shares,
  credits,
  accounts,
  providers,
  operations,
  sync,
];

function isContract(value: unknown): value is RouteContract {
  return (
    typeof value === 'object' &&
    value !== null &&
    'method' in value &&
    'responses' in value &&
    'access' in value
  );
}

/** The contracts of all slices; one that two slices export counts once. */
export const allContracts: readonly RouteContract[] = [
  ...new Set(SLICES.flatMap((slice) => Object.values(slice).filter(isContract))),
];
