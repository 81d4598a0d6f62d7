// English texts of `drawbridge alerts`.
export const alertCliEn = {
  summary: 'Show what was worth telling, and whether somebody was told',
  list: 'Open alerts first, then those that are over',
  open: 'only those that are open',
  limit: 'how many at most (1 to 200)',
  test: 'Send a test to the receiver of alerts; exit code 6 if it does not arrive',
  nobody: 'Nobody is told: DRAWBRIDGE_ALERTS_WEBHOOK_URL is not set.',
  receiver: (host: string, format: string) => `Alerts go to ${host} (${format}).`,
  none: 'No alerts.',
  noneOpen: 'No open alerts.',
  columns: { state: 'STATE', since: 'SINCE', over: 'OVER', told: 'TOLD', what: 'WHAT' },
  isOpen: 'open',
  isOver: 'over',
  notices: {
    waiting: (tries: number) => `being sent (${tries} tries)`,
    sent: (_tries: number) => 'yes',
    given_up: (tries: number) => `no, after ${tries} tries`,
    kept: (_tries: number) => 'nobody to tell',
  },
  fix: 'What to do',
  arrived: (host: string) => `The test arrived at ${host}.`,
  notArrived: 'The test did not arrive',
  notArrivedFix:
    'Look at DRAWBRIDGE_ALERTS_WEBHOOK_URL, DRAWBRIDGE_ALERTS_FORMAT and DRAWBRIDGE_ALERTS_PROXY.',
};

export type AlertCliMessages = typeof alertCliEn;
