// What is to happen to each file, and why. Pure: the same source, target and mode give the same plan. A file that is newer or
// different at the target is never replaced unless the user said so.
import type { RemoteFile, SourceFile } from './target.ts';

export type SyncMode = 'incremental' | 'full';

export type SendReason =
  /** It is not there. */
  | 'new'
  /** It is there, and older. */
  | 'changed'
  /** The mode is full: sent although it is there. */
  | 'full'
  /** What is there is newer or different, and the user wants it replaced. */
  | 'overwrite';

export type KeepReason =
  /** The same size and time. */
  | 'same'
  /** The same size under a name that is given once. */
  | 'same_name'
  /** The same bytes. */
  | 'same_content'
  | 'target_newer'
  /** Other bytes under a name that is given once, or where the target tells no time. */
  | 'target_different';

export type Decision =
  | {
      action: 'send';
      reason: SendReason;
      replaces: boolean /** What is replaced differs. */;
      isDifferent: boolean;
    }
  | { action: 'keep'; reason: KeepReason }
  /** Only the bytes can tell. */
  | { action: 'compare'; isOlder: boolean | null };

export interface PlanRules {
  mode: SyncMode;
  /** Replace what is newer or different too. */
  overwrite: boolean;
}

/** SFTP has whole seconds, and some file systems every second one only. */
const SAME_TIME_MS = 2_000;

const send = (reason: SendReason, replaces: boolean, isDifferent: boolean): Decision => ({
  action: 'send',
  reason,
  replaces,
  isDifferent,
});

function keepOrOverwrite(reason: KeepReason, { overwrite }: PlanRules): Decision {
  return overwrite ? send('overwrite', true, true) : { action: 'keep', reason };
}

/** Whether what is at the target is older than the source; null where the target tells no time. */
function isTargetOlder(file: SourceFile, remote: RemoteFile): boolean | null {
  return remote.modifiedAtMs === null ? null : remote.modifiedAtMs < file.modifiedAtMs - SAME_TIME_MS;
}

/** What to do with one file, by what the target's list says of it. */
export function decide(file: SourceFile, remote: RemoteFile | undefined, rules: PlanRules): Decision {
  if (!remote) return send('new', false, false);
  const isSameSize = remote.bytes === file.bytes;
  if (rules.mode === 'full') return send('full', true, !isSameSize);
  if (file.isImmutable) {
    return isSameSize ? { action: 'keep', reason: 'same_name' } : keepOrOverwrite('target_different', rules);
  }
  const isOlder = isTargetOlder(file, remote);
  if (isSameSize) {
    const isSameTime =
      remote.modifiedAtMs !== null && Math.abs(remote.modifiedAtMs - file.modifiedAtMs) < SAME_TIME_MS;
    return isSameTime ? { action: 'keep', reason: 'same' } : { action: 'compare', isOlder };
  }
  return differs(isOlder, rules);
}

/** What to do once the bytes were compared. */
export function decideByContent(isEqual: boolean, isOlder: boolean | null, rules: PlanRules): Decision {
  return isEqual ? { action: 'keep', reason: 'same_content' } : differs(isOlder, rules);
}

function differs(isOlder: boolean | null, rules: PlanRules): Decision {
  if (isOlder === true) return send('changed', true, true);
  return keepOrOverwrite(isOlder === null ? 'target_different' : 'target_newer', rules);
}
