// English texts of the doctor: for each check its title, the likely cause of a finding and what to do about it, and the
// sentences that say what is so. The object is the catalogue's type, against which the Chinese file is checked.
export const doctorEn = {
  checks: {
    configuration: {
      title: 'Configuration',
      cause:
        'A name is misspelt, a value does not fit, or the configuration was changed since the server started.',
      fix: 'Correct what the evidence names (.env, drawbridge.yaml or the environment), then restart.',
    },
    start: {
      title: 'Start',
      cause: 'See the other findings; the program could not open its data.',
      fix: 'Set right what is named here, then run: drawbridge doctor',
    },
    node_version: {
      title: 'Node.js',
      cause: 'The program was started with another Node than the one that "npm ci" brings.',
      fix: 'npm ci && npm start',
    },
    web_app: {
      title: 'Studio (web app)',
      cause: 'The web app was not built, or its files were removed.',
      fix: 'npm run build',
    },
    data_directory: {
      title: 'Data directory',
      cause: 'It is missing, belongs to another user, or its volume is mounted read-only.',
      fix: 'Make it writable for the user that runs Drawbridge, or choose another with DRAWBRIDGE_DATA_DIR.',
    },
    secret_files: {
      title: 'Secret files',
      cause: 'Files with secrets were made with permissions for everybody.',
      fix: 'chmod go-rwx <file>',
    },
    disk_space: {
      title: 'Disk space',
      cause: 'Pictures, logs or other programs fill the volume.',
      fix: 'Make space or enlarge the volume, then run: drawbridge gc',
    },
    port: {
      title: 'Port',
      cause: 'Another program, perhaps another Drawbridge, listens there already.',
      fix: 'Stop it, or choose another port with DRAWBRIDGE_PORT.',
    },
    clock: {
      title: 'Clock',
      cause: 'The clock of this machine is wrong, or was set back.',
      fix: 'Switch time synchronisation on: timedatectl set-ntp true',
    },
    clock_back: {
      title: 'Clock against the data',
      cause:
        'The clock of this machine was set back, or the data was written by a machine whose clock ran ahead.',
      fix: 'Switch time synchronisation on: timedatectl set-ntp true',
    },
    database: {
      title: 'Database',
      cause: 'The file was damaged by the disk, copied while it was in use, or edited by hand.',
      fix: 'Stop the server, keep a copy of the data directory, and restore the latest backup.',
    },
    database_settings: {
      title: 'Durability of the database',
      cause: 'The database was set up so that a power failure may lose what was confirmed.',
      fix: 'SQLite: put the data directory on a local disk. PostgreSQL: set fsync, full_page_writes and synchronous_commit on.',
    },
    migrations: {
      title: 'Schema',
      cause: 'The code was updated, but the server was not restarted.',
      fix: 'Restart the server, or run: drawbridge migrate',
    },
    store: {
      title: 'Picture store',
      cause: 'The folder of the pictures is missing, not mounted, read-only or full.',
      fix: 'Mount the volume at the media folder, make it writable, then run: drawbridge doctor',
    },
    store_space: {
      title: 'Space for pictures',
      cause: 'The volume of the pictures is nearly full.',
      fix: 'Make space, or empty the trash: drawbridge gc',
    },
    stores: {
      title: 'Remote stores',
      cause: 'The store is not reachable from here, its keys are wrong, or the bucket is another one.',
      fix: 'Check its address, keys, bucket and proxy. Pictures go to the next store meanwhile and are moved later.',
    },
    serving: {
      title: 'Serving of pictures',
      cause: 'The file of a picture is missing or damaged, or its route answers wrongly.',
      fix: 'drawbridge doctor --deep names every picture concerned.',
    },
    provider: {
      title: 'Provider',
      cause: 'It is down or not reachable from here, or its credential is wrong, over or without credit.',
      fix: 'Check its address, credential and proxy in the configuration, then restart.',
    },
    upkeep: {
      title: 'Upkeep',
      cause: 'The daily collection failed or has not run.',
      fix: 'drawbridge gc',
    },
    thumbnails: {
      title: 'Thumbnails',
      cause: 'They could not be made when their pictures were stored.',
      fix: 'drawbridge doctor --fix',
    },
    T1: {
      title: 'T1 every accepted task exists',
      cause: 'Task rows were removed by hand or lost with a part of the database.',
      fix: 'Restore the latest backup; keep a copy of the present data directory.',
    },
    T2: {
      title: 'T2 each ended task has exactly one final event',
      cause: 'Events or tasks were changed by hand, or a write was lost.',
      fix: 'Compare with the log of that time by the task id; clients see the state itself at GET /v1/tasks/{id}.',
    },
    T3: {
      title: 'T3 tasks are in legal states',
      cause: 'Rows were changed by hand, or a transition was half written.',
      fix: 'Keep a copy of the data directory and report this with the evidence.',
    },
    T5: {
      title: 'T5 attempts are in order',
      cause: 'Rows were changed by hand, or a submit began before the one before it was resolved.',
      fix: 'Keep a copy of the data directory and report this with the evidence.',
    },
    T6: {
      title: 'T6 no task outlives its deadline',
      cause: 'No server runs, or the engine is stuck.',
      fix: 'Start the server; if it runs, restart it: tasks are taken up where they were.',
    },
    T7: {
      title: 'T7 idempotency keys lead to their tasks',
      cause: 'Rows were removed or changed by hand.',
      fix: 'Keep a copy of the data directory and report this with the evidence.',
    },
    N1: {
      title: 'N1 whoever asked to be told of an ended task has a message',
      cause: 'Rows were removed or changed by hand.',
      fix: 'Keep a copy of the data directory and report this with the evidence.',
    },
    ledger: {
      title: 'Ledger',
      cause: 'Rows of the ledger were changed by hand, or the database was damaged.',
      fix: 'Restore the latest backup, or set balances right with a correction; wrong cached balances: drawbridge doctor --fix',
    },
    L1: { title: 'L1 entries move between the right books', cause: '', fix: '' },
    L2: { title: 'L2 the ledger sums to zero', cause: '', fix: '' },
    L3: { title: 'L3 cached balances are the sum of the entries', cause: '', fix: '' },
    L4: { title: 'L4 nothing goes below zero', cause: '', fix: '' },
    L5: { title: 'L5 holds are resolved once, with their tasks', cause: '', fix: '' },
    L6: { title: 'L6 open holds are those of unfinished tasks', cause: '', fix: '' },
    L7: { title: 'L7 captures and refunds stay within their bounds', cause: '', fix: '' },
    L8: { title: 'L8 the chain of entries is unbroken', cause: '', fix: '' },
    M1: {
      title: 'M1 what was charged is what was delivered',
      cause: 'Picture rows were removed or changed by hand.',
      fix: 'Give back what was charged too much: POST /v1/admin/credits/refunds with the task id.',
    },
    M2: {
      title: 'M2 every picture has its file',
      cause: 'Files were removed or changed outside of Drawbridge, or the disk is failing.',
      fix: 'Copy these files back from a backup, then run: drawbridge doctor --deep',
    },
    M3: {
      title: 'M3 every file belongs to a picture',
      cause:
        'Something was copied into the media folder, or a backup of the database is older than its pictures.',
      fix: 'drawbridge doctor --fix puts them aside for a week before they are removed.',
    },
  },
  what: {
    fine: 'Fine.',
    crashed: (message: string) => `The check itself failed: ${message}`,
    configFine: 'All settings are understood.',
    configProblems: (count: number) => `The next start would refuse the configuration: ${count} problems.`,
    configWarnings: (count: number) => `${count} settings deserve a look.`,
    nodeIs: (version: string) => `Node ${version}.`,
    nodeOld: (version: string) => `Node ${version} is too old: 24 or newer is needed.`,
    webBuilt: 'It is built.',
    webMissing: 'The studio is not there; the API works without it.',
    dataFine: (path: string) => `${path} can be written.`,
    dataMissing: (path: string) => `${path} does not exist; the first start makes it.`,
    dataUnwritable: (path: string, code: string) => `${path} cannot be written (${code}).`,
    dataForeign: (path: string, owner: number, user: number) =>
      `${path} belongs to user ${owner}, but this process runs as user ${user}.`,
    secretsFine: 'Only their owner can read them.',
    secretsOpen: (count: number) => `${count} files with secrets can be read by other users of this machine.`,
    spaceIs: (megabytes: number) => `${megabytes} MB are free.`,
    portFree: (port: number) => `Port ${port} is free.`,
    portServing: (port: number) => `Port ${port} is served by this process.`,
    portUsed: (port: number, owner: string) => `Port ${port} is held by ${owner}.`,
    portUsedUnknown: (port: number) => `Port ${port} cannot be used.`,
    clockIs: (time: string) => `It is ${time}.`,
    clockWrong: (time: string) => `The clock says ${time}, which cannot be.`,
    clockBack: (seconds: number) => `The newest event is ${seconds} s in the future: the clock was set back.`,
    databaseFine: (kind: string) => `${kind}: the check of its structure found nothing.`,
    databaseDamaged: (count: number) => `The check of its structure found ${count} faults.`,
    settingsFine: 'What is confirmed is on disk.',
    settingsWeak: (settings: string) => `Not as it must be: ${settings}.`,
    migrationsFine: (count: number) => `${count} migrations, all applied.`,
    migrationsMissing: (count: number) => `${count} migrations are not applied.`,
    servingFine: 'The newest picture came back byte for byte.',
    servingNone: 'There is no picture yet.',
    servingWrong: (status: number) => `The newest picture came back as HTTP ${status} or with other bytes.`,
    servingUnknown: 'Only a request can check this.',
    providerFine: 'It answers and takes work.',
    providerNone: 'There is no provider at all.',
    upkeepFine: (time: string) => `Last collected ${time}.`,
    upkeepNever: 'It has not run yet.',
    upkeepFailed: (time: string, note: string) => `It failed at ${time}: ${note}`,
    rowsFine: (count: number) => `${count} checked.`,
    rowsBroken: (count: number) => `${count} rows break this.`,
    heldDiffers: (open: string, tasks: string) =>
      `Open holds sum to ${open} micro-credits, those of unfinished tasks to ${tasks}.`,
    thumbsMissing: (count: number) => `${count} pictures have no thumbnail.`,
    skipped: 'Not checked.',
  },
  fixed: {
    balances: (count: number) => `Rebuilt ${count} cached balances from their entries.`,
    thumbnails: (count: number) => `Made ${count} thumbnails.`,
    strays: (count: number) => `Put ${count} files aside.`,
    straysRefused: (count: number) =>
      `Left ${count} files alone: so many suggest that this is not the database of these pictures.`,
    failed: (message: string) => `It could not be done: ${message}`,
  },
};

export type DoctorMessages = typeof doctorEn;
