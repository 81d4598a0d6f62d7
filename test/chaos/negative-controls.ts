// Negative controls: the same run on a copy of the program from which one rule was taken out must find something. The rule is
// cut out of the copy's text; nothing in the program itself can switch it off.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const COPIED = ['src', 'migrations', 'bin', 'test', 'package.json', 'tsconfig.json', 'openapi.json'];
const LINKED = ['node_modules', 'web'];

interface Control {
  meaning: string;
  file: string;
  /** Every occurrence is replaced; none is an error, since the program has changed. */
  from: string;
  to: string;
  args: readonly string[];
  /** What the run must have found, among others. */
  finds: RegExp;
}

const ON_POSTGRES = ['--database', 'postgres', '--nodes', '2'];

export const CONTROLS: Readonly<Record<string, Control>> = {
  epoch: {
    meaning: 'writes of a run are not checked against its epoch (two nodes, one stopped beyond its lease)',
    file: 'src/tasks/run-store.ts',
    from: ".where('lease_epoch', '=', param('epoch'))",
    to: '',
    args: [...ON_POSTGRES, '--tasks', '120', '--kills', '6', '--pauses', '5', '--faults', '0'],
    finds: /which belongs to|having claimed/,
  },
  intent: {
    meaning: 'an open intent is submitted anew instead of being looked into',
    file: 'src/tasks/submit.ts',
    from: "if (left?.outcome === 'open') return resolveUnknown",
    to: "if (left?.outcome === 'lost') return resolveUnknown",
    args: ['--tasks', '40', '--kills', '5', '--points', 'kp5,kp6,kp7', '--settle-s', '60'],
    finds: /more than one job of a task/,
  },
  idempotency: {
    meaning: 'an Idempotency-Key is not looked up',
    file: 'src/tasks/store.ts',
    from: 'if (key !== null) {\n    const inserted',
    to: "if (key === '') {\n    const inserted",
    args: ['--tasks', '40', '--kills', '4', '--points', 'kp2'],
    finds: /has two tasks/,
  },
  settlement: {
    meaning:
      'pictures and money of a task are not one transaction: the hold is settled later, by nobody after a kill',
    file: 'src/tasks/run-store.ts',
    from: 'await settleHold(trx, { holdId: task.hold_id, capturePictures: input.capturePictures, now });',
    to: 'if (task.lease_epoch === 1) await settleHold(trx, { holdId: task.hold_id, capturePictures: input.capturePictures, now });',
    args: ['--tasks', '40', '--kills', '5', '--points', 'kp3,kp9,kp12'],
    finds: /the balance is|the doctor/,
  },
  takeover: {
    meaning: 'nobody takes up what a dead node left',
    file: 'src/tasks/engine.ts',
    from: 'if (deadOwners.length === 0) return;',
    to: 'if (deadOwners.length >= 0) return;',
    args: ['--tasks', '60', '--kills', '8', '--settle-s', '20'],
    finds: /in vain for the last task/,
  },
};

/** Controls whose rule is not in the program's text any more as it is cut out. */
export function controlsThatDoNotFit(): string[] {
  const fits = ({ file, from }: Control) => readFileSync(join(ROOT, file), 'utf8').includes(from);
  return Object.entries(CONTROLS).flatMap(([name, control]) => (fits(control) ? [] : [name]));
}

/** Runs one control; true when the run found what it must find. */
export async function runControl(name: string): Promise<boolean> {
  const control = CONTROLS[name];
  if (!control) throw new Error(`There is no control "${name}"`);
  const copy = mkdtempSync(join(tmpdir(), 'drawbridge-control-'));
  try {
    for (const path of COPIED) cpSync(join(ROOT, path), join(copy, path), { recursive: true });
    for (const path of LINKED) symlinkSync(join(ROOT, path), join(copy, path));
    const file = join(copy, control.file);
    const text = readFileSync(file, 'utf8');
    if (!text.includes(control.from)) throw new Error(`The control "${name}" does not fit ${control.file}`);
    writeFileSync(file, text.replaceAll(control.from, control.to));
    const output = await outputOf([join(copy, 'test/chaos/chaos.ts'), ...control.args], copy);
    const found = output.split('\n').filter((line) => line.startsWith('FOUND') && control.finds.test(line));
    const verdict = found.length > 0 ? `found out (${found.length} times)` : 'NOT found out';
    console.log(`control ${name}: ${verdict}\n  ${found[0] ?? output.slice(-2_000)}`);
    return found.length > 0;
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

async function outputOf(args: string[], cwd: string): Promise<string> {
  const child = spawn(process.execPath, args, { cwd, stdio: ['ignore', 'pipe', 'ignore'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  await once(child, 'close');
  return output;
}
