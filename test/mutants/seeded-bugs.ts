// The list of seeded bugs: each is put into a copy of the program by `npm run mutants`, and a test must notice it.
import { CALLBACK_BUGS, HTTP_BUGS, OUTBOUND_BUGS } from './edge-bugs.ts';
import { MEDIA_BUGS, MONEY_BUGS } from './money-bugs.ts';
import type { SeededBug } from './seeded-bug.ts';
import { BREAKER_BUGS, SECRET_BUGS, STREAM_BUGS, WEBHOOK_BUGS } from './service-bugs.ts';
import { STATE_BUGS } from './state-bugs.ts';
import { QUEUE_BUGS, RUN_BUGS, WATCHDOG_BUGS } from './work-bugs.ts';

export const SEEDED_BUGS: readonly SeededBug[] = [
  ...STATE_BUGS,
  ...QUEUE_BUGS,
  ...RUN_BUGS,
  ...WATCHDOG_BUGS,
  ...MONEY_BUGS,
  ...MEDIA_BUGS,
  ...OUTBOUND_BUGS,
  ...HTTP_BUGS,
  ...CALLBACK_BUGS,
  ...WEBHOOK_BUGS,
  ...BREAKER_BUGS,
  ...SECRET_BUGS,
  ...STREAM_BUGS,
];
