// English texts of `drawbridge sync` and of the log that it writes.
import { syncReasonsEn } from './sync-reasons-en.ts';

export const syncEn = {
  summary: 'Send pictures, or a release of code, to a server (SFTP), a bucket (S3) or another Drawbridge',
  target: 'a section of "sync" in drawbridge.yaml; not needed where there is one only',
  what: 'all, media or code',
  mode: 'incremental: what is missing or older there; full: every file',
  from: 'folder of the media; without it the pictures of this installation',
  codeFrom: 'checkout whose tracked files are the release (default: this folder)',
  dryRun: 'say what would be sent, and send nothing',
  include: 'send only what matches, such as "final/**" or "*.png"; may be given several times',
  exclude: 'leave out what matches; may be given several times',
  overwrite: 'replace also what is newer or different there',
  parallel: 'SSH connections at the same time, 1 to 16',
  restart: 'after a release: run its restart command, check its address, go back if that fails',
  rollback: 'use the release before this one again, or the one named',
  log: 'write the log to this file',
  history: 'show the last syncs that the server knows of',
  examples: {
    plain: 'the only target',
    dry: 'what would happen',
    code: 'a release of the checkout in this folder, with a restart',
    back: 'the release before',
  },
  noTargets: 'There is nothing to sync to',
  noTargetsFix: 'Add a section to "sync" in drawbridge.yaml; docs/sync.md has examples.',
  whichTarget: (names: string) => `Which target? There are: ${names}`,
  unknownTarget: (name: string, names: string) => `There is no target "${name}". There are: ${names}`,
  badChoice: (option: string, choices: string) => `${option} must be one of: ${choices}`,
  badParallel: '--parallel must be a whole number from 1 to 16',
  notForBucket: 'Only SFTP targets take code; --rollback and --restart are about code.',
  comparisons: {
    size_time: 'compared by size and time, and by content where the times differ',
    size_hash: 'compared by size and content',
    hash: 'compared by content',
    none: 'not compared',
  },
  modes: { incremental: 'incremental', full: 'full' },
  whats: { media: 'media', code: 'code', rollback: 'rollback' },
  head: (what: string, mode: string, comparison: string, places: string) =>
    `sync of ${what}, ${mode}, ${comparison}: ${places}`,
  place: (kind: string, from: string, to: string, files: number, size: string) =>
    `${kind} ${from} → ${to} (${files} files, ${size})`,
  emptySource: 'the source has no files',
  dryHead: 'dry run: nothing is sent',
  connected: (label: string) => `connected to ${label}`,
  outcomes: { sent: 'sent', would: 'would send', kept: 'not sent', failed: 'FAILED' },
  reasons: syncReasonsEn,
  replacedOther: 'replaced a different file',
  resumed: (size: string) => `gone on with after ${size}`,
  triesNote: (tries: number) => `try ${tries}`,
  bar: (done: string, total: string, rate: string, left: string) =>
    `${done}/${total} ${rate}/s, ${left} left`,
  steps: {
    install: (name: string) => `Installing ${name}`,
    switch: (name: string) => `Switching to ${name}`,
    restart: (name: string) => `Restarting with ${name}`,
    check: (name: string) => `Checking ${name}`,
    rollback: (name: string) => `Back to ${name}`,
  },
  leftOut: (count: number) =>
    `${count} tracked files never leave this machine (settings, keys, data); the log names them`,
  sent: (sent: number, files: number, size: string, seconds: string, rate: string) =>
    `Sent ${sent} of ${files} files, ${size} in ${seconds} s (${rate}/s)`,
  wouldSend: (sent: number, files: number, size: string) => `Would send ${sent} of ${files} files, ${size}`,
  keptLine: (count: number, reason: string) => `Not sent: ${count} (${reason})`,
  failedLine: (count: number, reason: string) => `Failed: ${count} (${reason})`,
  moreFailures: (count: number) => `… and ${count} more; the log has all of them`,
  heldBack: 'Some files there are newer or different and were left alone; --overwrite replaces them.',
  upToDate: 'Nothing had to be sent: everything is there already.',
  nothingSent: 'Nothing was sent, although the source has files: see the reasons above.',
  release: (name: string) => `In use: ${name}`,
  publicOk: 'Samples of every kind were read through the public address.',
  publicWrong: (kind: string, url: string, place: string) =>
    `${kind}: ${url} does not give what was sent to ${place}.`,
  publicWhy: {
    missing: 'The web server has nothing there: its alias or root for this address leads to another folder.',
    other_bytes:
      'The web server gives other bytes there: its alias or root leads to another folder, or it converts.',
    refused: 'The web server refuses it: its rights, or signed addresses (media.access private).',
    unreachable: 'Nobody answers there: public_url, name or port.',
  },
  logAt: (path: string) => `Log: ${path}`,
  states: { done: 'done', partial: 'done in part', nothing_sent: 'nothing sent', failed: 'failed' },
  faults: {
    connection: {
      title: 'The target could not be reached',
      fix: 'Check host, port and network; then run the same command again: it goes on where it was.',
    },
    sign_in: {
      title: 'The target did not let us in',
      fix: 'Check user, password or key of this target in drawbridge.yaml.',
    },
    host_unknown: {
      title: 'Nobody knows the key of this host',
      fix: 'Compare the fingerprint with the server’s (ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub), then set "host_key" or add the host to known_hosts (ssh-keyscan).',
    },
    host_key: {
      title: 'The host shows another key than before',
      fix: 'Nothing was sent. Find out why the key changed before you accept the new one: somebody may be in between.',
    },
    full: { title: 'The target has no room left', fix: 'Make room there; then run the same command again.' },
    denied: {
      title: 'The target does not allow it',
      fix: 'Check the rights of the user in the target’s folders.',
    },
    source: { title: 'The source could not be read', fix: 'Check the folder and its rights.' },
    hash: {
      title: 'Other bytes arrived than were sent',
      fix: 'Check the disk and the memory of the target.',
    },
    appeared: { title: 'Something else is there', fix: 'See who else writes at the target.' },
    busy: { title: 'The target asked to wait', fix: 'Run the same command again later.' },
    unable: {
      title: 'The target cannot do that',
      fix: 'See docs/sync.md for what each kind of target needs.',
    },
    failed: { title: 'The sync failed', fix: 'The log has the reasons, file by file.' },
  },
  notRecorded: 'The server’s record of syncs could not be written.',
  columns: {
    started: 'STARTED',
    target: 'TARGET',
    what: 'WHAT',
    state: 'STATE',
    sent: 'SENT',
    size: 'SIZE',
    failed: 'FAILED',
    error: 'ERROR',
  },
};

export type SyncMessages = typeof syncEn;
