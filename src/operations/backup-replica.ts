// Where the last backup of this data folder was made: for the doctor, and for the scrubber, which takes a good copy of a
// damaged picture from there. The note lies in the data folder, since a command beside a running server cannot write rows.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { mediaFilePath, openPlainFile, type Replica } from '../media/media.ts';
import { MEDIA, writeDurably } from './backup-folder.ts';

const NOTE_FILE = 'last-backup.json';

const noteSchema = z.object({ folder: z.string(), id: z.string(), createdAt: z.string() });
export type BackupNote = z.output<typeof noteSchema>;

/** Remembers a finished backup. A data folder that cannot be written, such as another user's, does without. */
export async function noteBackup(dataDir: string, note: BackupNote): Promise<void> {
  await writeDurably(join(dataDir, NOTE_FILE), `${JSON.stringify(note, null, 2)}\n`).catch(() => {});
}

/** The last backup that was made of this data folder, or null. */
export async function lastBackup(dataDir: string): Promise<BackupNote | null> {
  try {
    return noteSchema.parse(JSON.parse(await readFile(join(dataDir, NOTE_FILE), 'utf8')));
  } catch {
    return null;
  }
}

/** The folder of the last backup as a source of good copies, as far as it can be reached when it is asked. */
export function backupReplica(dataDir: string): Replica {
  return {
    async read(kind, key) {
      const note = await lastBackup(dataDir);
      if (note === null) return null;
      try {
        const { handle } = await openPlainFile(mediaFilePath(join(note.folder, MEDIA), kind, key));
        return handle.createReadStream({ autoClose: true });
      } catch {
        return null;
      }
    },
  };
}
