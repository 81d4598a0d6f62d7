// The unit's SystemCallFilter as a filter that bubblewrap takes, so that tests run under the very calls that systemd would
// allow: everything else fails with EPERM, as SystemCallErrorNumber says.
import { execFileSync } from 'node:child_process';

/** Audit architectures, by Node's names. */
const ARCHITECTURES: Record<string, { audit: number; resolver: string }> = {
  x64: { audit: 0xc000003e, resolver: 'x86_64' },
  arm64: { audit: 0xc00000b7, resolver: 'aarch64' },
};
const LOAD_WORD = 0x20;
const JUMP_IF_EQUAL = 0x15;
const RETURN = 0x06;
const ALLOW = 0x7fff0000;
const ERRNO = 0x00050000;
const KILL_PROCESS = 0x80000000;
const EPERM = 1;
/** Offsets in struct seccomp_data. */
const NUMBER_AT = 0;
const ARCHITECTURE_AT = 4;
const INSTRUCTION_BYTES = 8;

/** All calls of a set such as `@system-service`, sets in it unfolded. */
function callsOf(set: string): Set<string> {
  const text = execFileSync('systemd-analyze', ['syscall-filter', '--no-pager', set], { encoding: 'utf8' });
  const entries = text
    .split('\n')
    .slice(1)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  return new Set(entries.flatMap((entry) => (entry.startsWith('@') ? [...callsOf(entry)] : [entry])));
}

/** The calls that the `SystemCallFilter=` lines of a unit leave. */
export function allowedCalls(unit: string): string[] {
  const allowed = new Set<string>();
  for (const [, line = ''] of unit.matchAll(/^SystemCallFilter=(.*)$/gm)) {
    const isRefusal = line.startsWith('~');
    for (const entry of line.replace(/^~/, '').split(/\s+/)) {
      const calls = entry.startsWith('@') ? callsOf(entry) : new Set([entry]);
      for (const call of calls) {
        if (isRefusal) allowed.delete(call);
        else allowed.add(call);
      }
    }
  }
  return [...allowed].sort();
}

/** A compiled filter (cBPF) that allows these calls alone. */
export function seccompFilter(calls: readonly string[]): Buffer {
  const architecture = ARCHITECTURES[process.arch];
  if (!architecture) throw new Error(`No filter for ${process.arch}`);
  const script = 'for name in "$@"; do scmp_sys_resolver -a "$0" "$name"; done';
  const numbers = execFileSync('sh', ['-c', script, architecture.resolver, ...calls], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .map(Number)
    // Calls of other architectures have none here.
    .filter((number) => number >= 0);
  const program: [code: number, ifTrue: number, ifFalse: number, value: number][] = [
    [LOAD_WORD, 0, 0, ARCHITECTURE_AT],
    [JUMP_IF_EQUAL, 1, 0, architecture.audit],
    [RETURN, 0, 0, KILL_PROCESS],
    [LOAD_WORD, 0, 0, NUMBER_AT],
    ...numbers.flatMap((number): [number, number, number, number][] => [
      [JUMP_IF_EQUAL, 0, 1, number],
      [RETURN, 0, 0, ALLOW],
    ]),
    [RETURN, 0, 0, ERRNO | EPERM],
  ];
  const bytes = Buffer.alloc(program.length * INSTRUCTION_BYTES);
  for (const [index, [code, ifTrue, ifFalse, value]] of program.entries()) {
    const at = index * INSTRUCTION_BYTES;
    bytes.writeUInt16LE(code, at);
    bytes.writeUInt8(ifTrue, at + 2);
    bytes.writeUInt8(ifFalse, at + 3);
    bytes.writeUInt32LE(value >>> 0, at + 4);
  }
  return bytes;
}
