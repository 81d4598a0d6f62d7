// English texts of alerts: for each kind its title and what to do, and the sentences that say what is so. The object is the
// catalogue's type, against which the Chinese file is checked.
export const alertsEn = {
  kinds: {
    provider_down: {
      title: (name: string) => `The provider ${name} cannot be used`,
      fix: (name: string) => `drawbridge providers test ${name} says which step fails.`,
    },
    provider_credentials: {
      title: (name: string) => `The credential of ${name} is missing or not accepted`,
      fix: (name: string) => `Set a new one without a restart: drawbridge providers set-secret ${name}`,
    },
    failure_rate: {
      title: (name: string) => `Many tasks fail at ${name}`,
      fix: (name: string) =>
        `drawbridge providers show ${name}, and the newest failed tasks: drawbridge tasks list`,
    },
    oldest_waiting: {
      title: (name: string) => `Tasks wait long for ${name}`,
      fix: (name: string) =>
        `drawbridge status and drawbridge providers show ${name}; more at a time: the provider's "concurrency".`,
    },
    disk_low: {
      title: (name: string) => `The disk of ${name} is nearly full`,
      fix: (_name: string) => 'Make space or enlarge the volume, or empty the trash: drawbridge gc',
    },
    ledger_mismatch: {
      title: (_name: string) => 'The ledger does not agree with itself',
      fix: (_name: string) =>
        'drawbridge credits verify names every row; wrong cached balances: drawbridge doctor --fix',
    },
    watchdog_repairs: {
      title: (_name: string) => 'The watchdog had to repair tasks',
      fix: (_name: string) => 'GET /v1/admin/watchdog/runs says what it found and why.',
    },
  },
  test: {
    title: 'This is a test',
    detail: 'Alerts of this server arrive here.',
  },
  /** How a message for people begins. */
  heading: { opened: 'Alert', recovered: 'Over', test: 'Test' },
  what: {
    failures: (failed: number, ended: number, minutes: number) =>
      `${failed} of ${ended} tasks failed within ${minutes} minutes.`,
    waiting: (minutes: number) => `The oldest task has waited ${minutes} minutes for its turn.`,
    disk: (percent: number, megabytes: number) => `${percent} % are free (${megabytes} MB).`,
    ledger: (count: number) => `${count} rows break its rules.`,
    repairs: (count: number) => `${count} tasks were stuck and were repaired.`,
    over: (minutes: number) => `It is over after ${minutes} minutes.`,
    todo: 'What to do',
    since: 'Since',
  },
};

export type AlertMessages = typeof alertsEn;
