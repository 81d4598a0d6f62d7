// English texts of backup and restore on the command line.

export const backupCliEn = {
  phases: { database: 'database', pictures: 'pictures', check: 'checking' },
  made: (id: string, folder: string) => `Backup ${id} in ${folder}`,
  copied: (files: number, size: string, kept: number, seconds: string) =>
    `${files} files copied (${size}), ${kept} were there already, ${seconds} s`,
  pruned: (files: number) => `Older backups removed, with ${files} files that only they named.`,
  missing: (count: number) =>
    `${count} files were missing or damaged where the pictures are kept, so the backup lacks them. What to do: drawbridge doctor --deep`,
  withoutKey:
    'secrets.key is not in it. Keep a copy of that file elsewhere: without it, secrets of webhooks and those of providers set at run time must be set anew.',
  withKey: 'secrets.key is in it: whoever has the backup can read the secrets of providers and webhooks.',
  confidential: 'It holds keys and private pictures: keep it where nobody else can read it.',
  none: 'There is no finished backup in this folder.',
  columns: { database: 'DATABASE', files: 'FILES', size: 'SIZE', missing: 'MISSING' },
  verified: (id: string, files: number) =>
    `Backup ${id} is whole: ${files} files and the database were read.`,
  wrong: (id: string, count: number) => `Backup ${id} has ${count} bad files.`,
  wrongFix:
    'If the pictures themselves are well, this replaces bad copies: drawbridge backup <folder> --recheck',
  restored: (id: string, dataDir: string) => `Backup ${id} is restored to ${dataDir}`,
  restoredFiles: (files: number, seconds: string) => `${files} files, ${seconds} s`,
  lost: (count: number) => `${count} files are not in the backup, or not whole there:`,
  configuration: (path: string) => `Settings are not restored, secrets least of all. What they were: ${path}`,
  needsKey:
    'Put your copy of secrets.key into the data folder before the start, if there are webhooks or provider secrets set at run time.',
  paused: 'Nothing is collected until you have looked at the data and run: drawbridge gc --resume',
  held: (count: number) =>
    `${count} tasks are unfinished; providers may have done them since the backup. At the start, providers finish what they have and get nothing new, until you decide: drawbridge tasks list, then cancel, or drawbridge providers undrain <name>`,
  examining: 'Examining everything (doctor --deep) …',
  examined: (checks: number) => `The doctor found no error in ${checks} checks.`,
  notExamined: 'The data is restored, but it could not be examined:',
  onlyHere: 'Backups are made on the machine that has the data; DRAWBRIDGE_URL and --url lead to another.',
  onlyHereFix: 'Run it on that machine, without DRAWBRIDGE_URL.',
  keepFix: 'Give a whole number from 1 on.',
  faults: {
    busy: {
      title: 'Another backup or restore, or a server, is at work there',
      fix: 'Wait for its end, or stop it.',
    },
    foreign_folder: {
      title: 'The folder holds something else',
      fix: 'Give an empty folder, or one that drawbridge backup made.',
    },
    inside_data: {
      title: 'A backup inside the data folder would be lost with it',
      fix: 'Give a folder elsewhere, best on another disk.',
    },
    no_data: {
      title: 'There is no database here to back up',
      fix: 'Check DRAWBRIDGE_DATA_DIR or --data-dir.',
    },
    no_volume: {
      title: 'These are not the pictures of this database',
      fix: 'Mount the volume that holds the pictures; DRAWBRIDGE_MEDIA_ROOT says where.',
    },
    no_backup: {
      title: 'There is no such backup',
      fix: 'See what there is: drawbridge backup <folder> --list',
    },
    broken: {
      title: 'The backup is damaged',
      fix: 'Take an older one (drawbridge backup <folder> --list, then --id), and check the disk.',
    },
    not_empty: {
      title: 'The place is not empty',
      fix: 'Give an empty folder (--data-dir) or database. Nothing that is there is ever replaced.',
    },
    other_database: {
      title: 'The backup is of another kind of database',
      fix: 'sqlite: leave DATABASE_URL empty. postgres: let DATABASE_URL lead to an empty database.',
    },
    newer_version: {
      title: 'A newer version made this backup',
      fix: 'Install that version or a later one.',
    },
    no_space: {
      title: 'No space is left',
      fix: 'Make space, then run the same command again: it goes on where it was.',
    },
    file_failed: {
      title: 'A file could not be read or written',
      fix: 'Check the path, its permissions and the disk.',
    },
    tool_missing: {
      title: 'A program of PostgreSQL is missing',
      fix: 'Install the client programs (Debian: apt-get install postgresql-client), of the same major version as the server or newer.',
    },
    tool_failed: {
      title: 'A program of PostgreSQL failed',
      fix: 'If it speaks of a version mismatch, install client programs as new as the server.',
    },
    no_database: {
      title: 'The database cannot be reached',
      fix: 'Check DATABASE_URL and that the server runs.',
    },
  },
  doctor: {
    backupTitle: 'Backup',
    noBackup: 'None was made from here yet: drawbridge backup <folder>',
    lastBackup: (time: string, folder: string) => `Last made ${time} in ${folder}.`,
    restoredTitle: 'Restored data',
    restored: (id: string, time: string) => `Restored ${time} from the backup ${id}; looked at since.`,
    paused: (id: string, time: string) =>
      `Restored ${time} from the backup ${id}. Until you have looked at it, nothing is collected.`,
    cause:
      'The data is older than the world: pictures and finished jobs of the time since the backup are not in it.',
    fix: 'Look at M2 (pictures without files) and M3 (files without pictures), then run: drawbridge gc --resume. Providers get work again by: drawbridge providers undrain <name>',
    held: (name: string) => `Gets nothing new until it is undrained: ${name}`,
    unfinished: (id: string, lane: string) => `Unfinished since the backup: ${id} (${lane})`,
    resumed: 'Every picture has its file and every file its picture: collection goes on.',
    notResumed:
      'Files are missing or left over, so only you can say that this is right: drawbridge gc --resume',
  },
};
