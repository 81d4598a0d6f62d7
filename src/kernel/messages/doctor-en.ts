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
    clock_offset: {
      title: 'Clock against others',
      cause:
        'Nothing keeps the clock of this machine right. Stores and receivers refuse signatures of another time.',
      fix: 'Switch on time synchronisation: timedatectl set-ntp true',
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
    environment: {
      title: 'Names in the environment',
      cause: 'Names are set or not; their values are never shown.',
      fix: 'docs/configuration.md explains each.',
    },
    placeholders: {
      title: 'Secrets that are none',
      cause: 'A value was copied from an example and never replaced.',
      fix: 'Put the real value where the evidence names it, then restart.',
    },
    memory: {
      title: 'Memory',
      cause: 'Other programs, or large pictures, use what this machine has.',
      fix: 'Stop what is not needed or add memory; DRAWBRIDGE_LIMITS_MAX_RSS_MB sets a limit for this server.',
    },
    addresses: {
      title: 'Addresses',
      cause: 'The server listens on this machine alone.',
      fix: 'DRAWBRIDGE_HOST=0.0.0.0 lets other computers in.',
    },
    firewall: {
      title: 'Firewall',
      cause: 'A firewall of this machine drops what comes from outside.',
      fix: 'Open the port in the firewall that is named.',
    },
    service: {
      title: 'Service and its log',
      cause: 'The service stopped, is not started with the machine, or its log is kept in memory only.',
      fix: 'drawbridge service status',
    },
    media_path: {
      title: 'The way of a picture',
      cause:
        'The disk, the application, the reverse proxy and the public address do not agree on where pictures are.',
      fix: 'drawbridge nginx-config prints the site file that fits this configuration.',
    },
    docs: {
      title: 'Documentation pages',
      cause: 'A proxy answers these paths itself, or files of the program are missing.',
      fix: 'Send every path to the application: drawbridge nginx-config',
    },
    front: {
      title: 'Reverse proxy in front',
      cause: "The proxy's own limits are tighter than what this server needs.",
      fix: 'drawbridge nginx-config prints a site file with the right ones.',
    },
    front_silence: {
      title: 'Silence on a stream',
      cause: 'Something between this server and its public address ends connections that are silent.',
      fix: 'drawbridge nginx-config prints a site file with the right ones.',
    },
    proxies: {
      title: 'Outgoing proxies',
      cause: 'The proxy is not running, or its address is wrong.',
      fix: 'Start it or correct its address; nothing ever goes around a proxy that is set.',
    },
    watchdog: {
      title: 'Watchdog',
      cause: 'No server runs, the look failed, or it was switched off (DRAWBRIDGE_WATCHDOG_INTERVAL_S=0).',
      fix: 'drawbridge tasks fix-stuck',
    },
    stuck_tasks: {
      title: 'Stuck tasks',
      cause: 'No server runs, or its watchdog does not.',
      fix: 'drawbridge tasks fix-stuck shows what would be done; drawbridge doctor --fix does it.',
    },
    backups: {
      title: 'Backups',
      cause: 'The folder is full, not mounted or not writable, or no server ran at the time.',
      fix: 'Set right what the evidence says, then: drawbridge backup <folder>',
    },
    webhook_receivers: {
      title: 'Receivers of webhooks',
      cause: 'The receiver is down, its name or certificate is wrong, or a firewall is between.',
      fix: 'Ask its owner. From this machine: curl -sSI https://<receiver>',
    },
    webhooks: {
      title: 'Webhook messages',
      cause: 'The receiver does not answer, or refuses.',
      fix: 'GET /v1/webhooks/deliveries?status=dead shows each answer; redeliver sends them again.',
    },
    webhook_secrets: {
      title: 'Webhook secrets',
      cause:
        'The key they were encrypted with is missing or is another one: the database was moved or restored without secrets.key, or this node has another DRAWBRIDGE_SECRETS_KEY. Or the key was lost, and they were removed.',
      fix: 'Put secrets.key back, or set the same DRAWBRIDGE_SECRETS_KEY as on the other nodes, then restart; the messages that wait are sent. If the key is lost: "drawbridge providers rotate-key --forget" with the server stopped, then POST /v1/webhooks/{id}/rotate-secret, and set the headers again.',
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
  /** Where the public address of a picture leads, and what to do about it. */
  path: {
    name: 'its name leads nowhere',
    port: 'nothing answers at this address',
    tls: 'its certificate is not valid',
    upstream: 'the proxy answers, but does not reach the application',
    files: 'the proxy looks for the file itself, in another folder',
    forbidden: "the proxy's user may not read the folder",
    prefix: 'the application is reached by another path than its own',
    redirect: 'it is redirected to another address',
    other_site: 'another site, or another copy of the data, answers',
    password: 'something in front asks for a password',
    status: 'it is answered with an error',
    silent: 'the answer breaks off or never comes',
    fixUpstream: (port: number) =>
      `Point proxy_pass (or "server" in upstream) at 127.0.0.1:${port}, then: nginx -t && systemctl reload nginx`,
    fixFiles:
      'Remove the alias or root that is named: proxy_pass sends /media to the application, which knows the folder (drawbridge nginx-config).',
    fixForbidden: (root: string) =>
      `Let nginx read ${root}: usermod -aG drawbridge www-data && systemctl restart nginx`,
    fixAccel: (root: string, location: string) =>
      `In "location ^~ ${location}/ { internal; … }" write: alias "${root}/";`,
    fixPrefix: (url: string) =>
      `DRAWBRIDGE_PUBLIC_URL is ${url}: its path must be the location's, and proxy_pass must not put another in its place.`,
    fixBody: (bytes: number) =>
      `In the server block: client_max_body_size ${Math.ceil(bytes / 1024 / 1024) + 1}m;`,
    fixBuffers: 'Remove "proxy_ignore_headers X-Accel-Buffering", or for /v1/events: proxy_buffering off;',
    fixTimeout: 'proxy_read_timeout 120s;',
    fix: {
      name: 'Correct DRAWBRIDGE_PUBLIC_URL, or make a DNS record for the name.',
      port: 'Start the reverse proxy, open the port in the firewall, or correct DRAWBRIDGE_PUBLIC_URL.',
      tls: 'Renew the certificate (certbot renew), with its whole chain (fullchain.pem).',
      redirect: 'Write DRAWBRIDGE_PUBLIC_URL as the redirect ends: scheme, host and path.',
      other_site: 'Correct DRAWBRIDGE_PUBLIC_URL or server_name: the request ends at another site.',
      password: 'Leave /media out of what asks for a password; pictures are protected by the application.',
      status: "Look for the request id in the log, or in the proxy's error log.",
      silent: "Look at the proxy's error log.",
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
    secretsOpen: (count: number) =>
      `${count === 1 ? 'A file with secrets' : `${count} files with secrets`} can be read by other users of this machine.`,
    spaceIs: (megabytes: number) => `${megabytes} MB are free.`,
    portFree: (port: number) => `Port ${port} is free.`,
    portServing: (port: number) => `Port ${port} is served by this process.`,
    portUsed: (port: number, owner: string) => `Port ${port} is held by ${owner}.`,
    portUsedUnknown: (port: number) => `Port ${port} cannot be used.`,
    clockIs: (time: string) => `It is ${time}.`,
    clockWrong: (time: string) => `The clock says ${time}, which cannot be.`,
    clockAgrees: (host: string) => `It agrees with ${host}.`,
    clockOff: (seconds: number, host: string) =>
      seconds > 0
        ? `This clock is ${seconds} s ahead of ${host}.`
        : `This clock is ${-seconds} s behind ${host}.`,
    clockUnkept: 'The system says that its clock is not synchronised.',
    clockUnasked:
      'Nobody to compare it with: there is no public address and no provider by https that answers.',
    receiversNone: 'There are no webhooks.',
    receiversFine: (count: number) => `All ${count} answer.`,
    receiversSilent: (silent: number, count: number) => `${silent} of ${count} do not answer.`,
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
    environmentIs: (present: readonly string[], absent: readonly string[]) =>
      `Set: ${present.join(', ') || 'none'}. Not set: ${absent.join(', ')}.`,
    placeholdersNone: 'No secret looks like an example.',
    placeholders: (count: number) => `${count} secrets look like examples that were never replaced.`,
    memoryIs: (freeMb: number, ownMb: number) => `${freeMb} MB are free; this process holds ${ownMb} MB.`,
    addressPublic: (url: string) => `People use ${url}.`,
    addressLocal: (port: number) => `Only this machine reaches it: http://127.0.0.1:${port}.`,
    addressesAre: (addresses: readonly string[]) => `Other computers reach it at ${addresses.join(', ')}.`,
    firewallNotConcerned: 'It listens on this machine alone.',
    firewallNone: 'No firewall of this machine stands in the way, as far as this user may see.',
    firewallOpen: (port: number) => `Port ${port} is open.`,
    firewallClosed: (port: number, by: string) => `${by} does not let port ${port} through.`,
    serviceNone: 'It is not installed as a service.',
    serviceFailed: (unit: string) => `The service ${unit} has failed.`,
    serviceRestarts: (unit: string, count: number) => `The service ${unit} was started anew ${count} times.`,
    serviceDisabled: (unit: string) => `The service ${unit} does not start with the machine.`,
    journalVolatile: 'The journal is kept in memory: a restart of the machine loses it.',
    serviceFine: (unit: string, state: string) => `The service ${unit} is ${state}.`,
    pathDisk: (problem: string) => `A picture could not be stored: ${problem}`,
    pathApp: (status: number) =>
      `The picture is on the disk, but the application answers HTTP ${status} for it or sends other bytes.`,
    pathNoPublic: 'Disk and application agree; no public address is configured.',
    pathFine: (url: string) => `Disk, application and ${url} agree, byte for byte.`,
    pathPublic: (layer: string, status: string) =>
      `Disk and application agree; at the public address ${layer} (${status}).`,
    docsFine: '/docs and /openapi.json are there.',
    docsMissing: (path: string, status: number) => `${path} answers HTTP ${status}.`,
    frontSilenceFine: 'A stream stays open while there is nothing to tell.',
    frontSilenceCut: (seconds: number) => `A stream was cut after ${seconds} s of silence.`,
    frontNone: 'No public address is configured.',
    frontUnreached: 'The public address does not lead here.',
    frontBody: 'Bodies of 2 MB are refused by the proxy: uploads fail with 413.',
    frontBuffers: 'Live updates are held back by the proxy: pages do not move.',
    frontTimeout: (seconds: number) => `The proxy gives up before ${seconds} s of silence are over.`,
    frontFine: 'Large bodies and live updates come through.',
    proxiesNone: 'None is set: everything goes direct.',
    proxiesFine: (proxies: readonly string[]) => `${proxies.join('; ')}: reachable.`,
    proxiesBroken: (count: number) => `${count} proxies cannot be reached.`,
    localProxy: (address: string, name: string) =>
      `Something listens at ${address}, where local proxies usually do. To use it: ${name}=${address}`,
    watchdogOff: 'It is switched off: stuck tasks are found only when somebody asks.',
    watchdogNever: 'It has not looked yet.',
    watchdogFailed: (time: string, error: string) => `It failed at ${time}: ${error}`,
    watchdogRan: (time: string) => `It looked last at ${time}.`,
    stuckNone: 'No task is past its deadline.',
    stuck: (count: number) => `${count} tasks are past their deadline and have not ended.`,
    backupsNone: 'No backup is scheduled; those made by hand elsewhere are not known here.',
    backupsNotYet: 'The first scheduled backup is still to come.',
    backupFailed: (time: string) => `The backup of ${time} failed.`,
    backupMade: (time: string) => `The last backup was made at ${time}.`,
    webhooksFine: 'Everything that was due was delivered in the last day.',
    webhooksLate: (minutes: number) => `Messages that are due have waited ${minutes} minutes.`,
    webhooksDead: (count: number) => `${count} messages of the last day were given up.`,
    webhookSecretsFine: (count: number) =>
      count === 0 ? 'There are none.' : `${count}, all encrypted, and this server can read them.`,
    webhookSecretsUnreadable: (count: number) =>
      `This server cannot read those of ${count === 1 ? 'one receiver' : `${count} receivers`}; their messages wait.`,
    webhookSecretsPlain: (count: number) => `${count} are not encrypted yet.`,
    webhookSecretsStart: 'An older version stored them. They are encrypted when the server starts.',
    skipped: 'Not checked.',
  },
  fixed: {
    balances: (count: number) => `Rebuilt ${count} cached balances from their entries.`,
    thumbnails: (count: number) => `Made ${count} thumbnails.`,
    strays: (count: number) => `Put ${count} files aside.`,
    straysRefused: (count: number) =>
      `Left ${count} files alone: so many suggest that this is not the database of these pictures.`,
    stuck: (count: number) => `Repaired ${count} tasks.`,
    volume: 'The volume that is there now counts as the right one.',
    failed: (message: string) => `It could not be done: ${message}`,
  },
};

export type DoctorMessages = typeof doctorEn;
