// The fault matrix: every fault that Drawbridge must survive, by id, and which tests show it. A test shows a row when the row's
// id is in its name. `node test/fault-matrix.ts` writes docs/fault-matrix.md; fault-matrix.test.ts keeps it true.
import { globSync, readFileSync, writeFileSync } from 'node:fs';

/** Id → the fault, in the order of its way through a task's life. */
export const FAULTS: Readonly<Record<string, string>> = {
  A1: 'client retries after lost 202',
  A2: 'same key, other body / key in flight',
  A3: 'kill before COMMIT / after COMMIT before reply',
  A4: 'DB down, pool exhausted at accept',
  A5: 'COMMIT ack lost (cut socket in TCP proxy)',
  A6: 'oversize, slow-loris, aborted or bomb upload',
  A7: 'N parallel requests, credit for k',
  A8: 'tenant floods 10,000 tasks',
  A9: 'user input URL 404s/changes/rebinds later',
  H1: 'price edited / user disabled / key revoked with open holds',
  H2: 'deadlock 40P01 / serialization 40001 in ledger tx',
  H3: 'overflow, negative, fractional, NaN amounts',
  Q1: 'two nodes claim one task',
  Q2: 'kill after claim at each step',
  Q3: 'SIGSTOP 2 min / event-loop stall > lease, then CONT',
  Q4: 'poison task crashes process every time',
  Q5: 'LISTEN connection half-open (black hole)',
  Q6: 'lease heartbeat fails (DB blip) while provider call is open',
  U1: 'kill / 5xx / timeout in input upload',
  U2: 'upload URL or token expired',
  U3: 'input asset deleted mid-task',
  S1: 'DNS fail, refused, TLS fail, proxy down, SOCKS auth fail',
  S2: 'timeout after request sent',
  S3: 'RST after body; 502/503/504/520-524 HTML',
  S4: '500 JSON "try again"',
  S5: '429 with/without/absurd Retry-After',
  S6: '401/403, expired session id',
  S7: '402 / quota exhausted',
  S8: '400/404/422/moderation',
  S9: '200 + HTML, wrong type, BOM, {"error"}, 50 MB JSON, deep JSON',
  S10: '2xx truncated or without id',
  S11: 'same provider id returned for two tasks',
  S12: 'kill with intent open / after response before COMMIT',
  S13: 'hidden retry in client/SDK/proxy',
  S14: '3xx on submit',
  S15: 'base URL/key/proxy edited mid-task',
  PC1: 'poll 5xx/timeout/HTML',
  PC2: 'provider forgets job (ComfyUI restart: 404 / absent from queue+history)',
  PC3: 'unknown status word, progress backwards, 100% then running',
  PC4: 'duplicate, reordered, replayed (old ts) callbacks',
  PC5: 'forged callback: bad sig, valid sig + other task, no sig, 10 MB body, 1,000/s',
  PC6: 'callback arrives before submit response is committed',
  PC7: 'stuck "running" forever',
  PC8: 'session expires while polling',
  PC9: 'success with 0, fewer, or more outputs than asked',
  D1: 'result URL expired 403/404',
  D2: 'truncated body, bad Content-Length, early chunked end',
  D3: 'slow-loris body',
  D4: '10 GB body, gzip bomb, huge base64 JSON',
  D5: 'redirect / URL to private IP from provider',
  D7: '200 with HTML/JSON/login page, wrong or missing Content-Type',
  D6: 'kill mid-download',
  V1: 'corrupt/truncated (passes metadata)',
  V2: 'pixel/frame/ICC/EXIF/zTXt bombs',
  V3: 'SVG/HTML/PDF/polyglot as image',
  V4: 'decoder SIGSEGV/abort/hang',
  F1: 'ENOSPC at open/write/fsync/rename (tmpfs, strace -P)',
  F2: 'EIO on fsync',
  F3: 'S3 500/503 SlowDown, timeout before/after PUT, wrong checksum',
  F4: 'multipart partly done, abort fails',
  F5: 'kill after file before tx',
  F6: 'media root read-only, EMFILE, EACCES, unmounted (empty dir!)',
  F7: 'bit rot, deleted file',
  F8: 'thumbnail fails',
  F9: 'remote sync (SFTP/S3) cut mid-file, host key changed, remote full, clock skew',
  C1: 'kill between store and capture, and inside finalise tx',
  C2: 'capture twice / refund twice / capture vs release race',
  C3: 'admin refund after capture, twice, partial',
  C4: 'row tampered / balance cache drift',
  NT1: 'receiver 5xx/timeout/reset/slow-loris',
  NT2: 'receiver 3xx / 410 / 429 Retry-After',
  NT3: 'kill after delivery before mark',
  NT4: 'receiver name now resolves to private IP',
  NT5: 'SSE drop, slow reader, buffer overflow, node switch, nginx buffering',
  NT6: 'secret rotated mid-flight',
  X1: 'watchdog vs slow success',
  X2: 'late success after release/refund',
  X3: 'cancel vs success; cancel in queued / UNKNOWN / submitting; cancel after retry',
  X4: 'user retry storm on a failed task',
  X5: 'pg_ctl -m immediate, kill -9 postmaster, restart, at any step',
  X6: 'failover to standby missing commits (async)',
  X7: 'idle-in-tx cut, statement timeout, 08006/57P01 mid-tx',
  X8: 'wall clock +-1 h, step back, NTP slew, DST',
  X9: 'SIGTERM under load',
  X10: 'OOM-kill, heap limit, unhandled rejection',
  X11: 'rolling upgrade N-1/N with tasks in flight; failed migration',
  X12: 'restore: DB older than media, or media older than DB',
  X13: 'second app on same embedded data dir / same node id',
  X14: 'proxy flaps, returns own HTML 403/407, leaks or truncates',
  X15: 'tenant deleted during tasks',
  X16: 'retry storm after 10 min provider outage',
};

/** Rows that no test shows yet, each with why. */
const NOT_YET: Readonly<Record<string, string>> = {};

const DOCUMENT = 'docs/fault-matrix.md';
const TESTS = ['src/**/*.test.ts', 'test/**/*.test.ts'];
/** The name that a test is declared with: the first text given to `test`, `it`, `scenario` and the like. */
const DECLARATION = /\b(?:test|it|describe|scenario|row|each)\w*\(\s*(['"`])((?:\\.|(?!\1)[^\\])*)\1/g;

/** Id → files of the tests whose names carry it. */
export function testsById(): Map<string, string[]> {
  const found = new Map<string, string[]>(Object.keys(FAULTS).map((id) => [id, []]));
  for (const path of globSync(TESTS).sort()) {
    const names = [...readFileSync(path, 'utf8').matchAll(DECLARATION)].map(([, , name]) => name ?? '');
    for (const [id, files] of found) {
      const isNamed = new RegExp(`\\b${id}\\b`);
      if (names.some((name) => isNamed.test(name))) files.push(path);
    }
  }
  return found;
}

/** The document as it must be now. */
export function faultMatrixDocument(): string {
  const tests = testsById();
  const shown = [...tests.values()].filter((files) => files.length > 0).length;
  const lines = [...tests].map(([id, files]) => {
    const evidence = files.length > 0 ? files.map((path) => `\`${path}\``).join(' ') : (NOT_YET[id] ?? '-');
    return `| ${id} | ${FAULTS[id]} | ${evidence} |`;
  });
  return `# The fault matrix

Every fault that Drawbridge must survive, and the tests that show it: a test carries the row's id in its name
(\`npx node test/run.ts\` with a word of its path runs it). Written by \`npx node test/fault-matrix.ts\`.

**${shown} of ${tests.size} rows automated.**

| id | fault | tests |
|---|---|---|
${lines.join('\n')}
`;
}

if (import.meta.main) {
  const document = faultMatrixDocument();
  writeFileSync(DOCUMENT, document);
  console.log(`${DOCUMENT}: ${/\*\*(.*)\.\*\*/.exec(document)?.[1]}`);
}
