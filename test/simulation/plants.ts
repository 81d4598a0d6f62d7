// Bugs that are planted to prove that the simulation finds them: each is a patch of a copy of the program, or a database or
// volume that does not keep what it said it kept. The program itself is never touched.
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Conditions, HONEST } from './simulate.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const COPIED = ['src', 'migrations', 'test/simulation', 'package.json'];

interface Patch {
  file: string;
  find: string;
  replace: string;
}

export interface Plant {
  what: string;
  conditions?: Partial<Conditions>;
  patches?: readonly Patch[];
}

const patch = (file: string, find: string, replace: string): Patch => ({ file, find, replace });

export const PLANTS: Readonly<Record<string, Plant>> = {
  'no-store-sync': {
    what: 'commits are acknowledged before they are on disk (synchronous=OFF)',
    conditions: { isStoreSynced: false },
  },
  'no-disk-sync': { what: 'pictures are not synced before their rows', conditions: { isDiskSynced: false } },
  'no-epoch-check': {
    what: 'writes of a run do not ask whether another node owns the task by now',
    patches: [
      patch('src/tasks/run-store.ts', ".where('lease_epoch', '=', param('epoch'))", ''),
      patch('src/tasks/run-store.ts', ".where('lease_epoch', '=', input.lease.epoch)", ''),
    ],
  },
  'resend-on-unknown': {
    what: 'a submit whose outcome is unknown is simply sent again',
    patches: [
      patch(
        'src/tasks/submit.ts',
        "throw new AttemptFailure('unknown', 'submit_unknown', detail, null);",
        "throw new AttemptFailure('not_sent', 'submit_unknown', detail, 1_000);",
      ),
    ],
  },
  'capture-before-store': {
    what: 'the charge is made before the pictures are stored',
    patches: [
      patch(
        'src/tasks/run.ts',
        '  const saved = await ctx.saver.save({',
        "  const { settleHold } = await import('../credits/credits.ts');\n" +
          '  const early = { holdId: run.task.hold_id, capturePictures: run.task.pictures, now: ctx.clock.now() };\n' +
          '  await ctx.db.write(settleHold, early);\n' +
          '  const saved = await ctx.saver.save({',
      ),
    ],
  },
  'release-twice': {
    what: 'what a task did not use is given back twice',
    patches: [
      patch(
        'src/credits/credits.ts',
        "    movementOf('release', hold.released_micros, hold),",
        "    movementOf('release', hold.released_micros, hold),\n" +
          "    { kind: 'correction' as const, amountMicros: hold.released_micros, reason: 'again' },",
      ),
    ],
  },
  'no-release': {
    what: 'a task that is cancelled before it starts keeps its hold',
    patches: [
      patch(
        'src/tasks/claim-store.ts',
        'await releaseHold(trx, { holdId: ended.hold_id, now: input.now });',
        '',
      ),
    ],
  },
  'early-promise': {
    what: 'a task is promised before it is stored',
    patches: [
      patch(
        'src/tasks/create.ts',
        'const outcome = await db.write(createTask, input);',
        "void db.write(createTask, input).catch(() => {});\n  const outcome: { taskId: string; created: Accepted['created'] } = { taskId, created: 'new' };",
      ),
    ],
  },
  'no-idempotency': {
    what: 'a repeated key makes a second task',
    patches: [
      patch(
        'src/tasks/store.ts',
        'if (inserted.length === 0) return replay',
        'if (inserted.length > 1) return replay',
      ),
    ],
  },
  'two-final-events': {
    what: 'the end of a task is told twice',
    patches: [
      patch(
        'src/tasks/run-store.ts',
        "  await appendEventOf(trx, task, 'task.finished', now);\n  await settleHold",
        "  for (let i = 0; i < 2; i += 1) await appendEventOf(trx, task, 'task.finished', now);\n  await settleHold",
      ),
    ],
  },
  'one-word-is-enough': {
    what: 'a job is believed lost on one word, and painted again',
    patches: [patch('src/tasks/wait.ts', 'const LOST_CONFIRMATIONS = 2;', 'const LOST_CONFIRMATIONS = 1;')],
  },
  'over-claim': {
    what: 'nodes do not count what others run',
    patches: [
      patch(
        'src/tasks/claim-store.ts',
        'input.concurrency - Number(running?.count ?? 0)',
        'input.concurrency - 0 * Number(running?.count ?? 0)',
      ),
    ],
  },
  'no-adoption': {
    what: 'nobody takes up what a dead node left',
    patches: [
      patch(
        'src/tasks/engine.ts',
        'if (deadOwners.length === 0) return;',
        'if (deadOwners.length >= 0) return;',
      ),
    ],
  },
  'no-reclaim': {
    what: 'a claim whose answer was lost is never taken up',
    patches: [patch('src/tasks/engine.ts', 'await this.#reclaim();', '')],
  },
  'moved-answer': {
    what: 'a picture that came inside an answer is moved before its task is committed',
    patches: [
      patch(
        'src/tasks/save.ts',
        'await this.#options.media.copySpooled(output.file.path)',
        'output.file.path',
      ),
    ],
  },
};

export function conditionsOf(plant: Plant): Conditions {
  return { ...HONEST, ...plant.conditions };
}

/** Patches whose text is not in the program any more. */
export function misfits(plant: Plant): Patch[] {
  return (plant.patches ?? []).filter(
    ({ file, find }) => !readFileSync(join(ROOT, file), 'utf8').includes(find),
  );
}

/** Copies the program with a bug in it; `main` is the copy's simulation. Throws when a patch does not fit any more. */
export function plantBug(plant: Plant): { main: string; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), 'drawbridge-plant-'));
  for (const name of COPIED) cpSync(join(ROOT, name), join(folder, name), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  for (const { file, find, replace } of plant.patches ?? []) {
    const path = join(folder, file);
    const text = readFileSync(path, 'utf8');
    if (!text.includes(find))
      throw new Error(`The plant "${plant.what}" does not fit ${file} any more: ${find}`);
    writeFileSync(path, text.replaceAll(find, replace));
  }
  return {
    main: join(folder, 'test/simulation/main.ts'),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
