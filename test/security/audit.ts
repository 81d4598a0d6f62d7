// Asks the registry what is known against the locked packages, and whether what it served is signed: `node test/security/audit.ts`.
// A registry that does not answer such questions proves nothing, so that is told apart from a clean answer:
// 0 nothing high or critical and all signatures good, 1 something found, 6 the registry could not be asked.
import { spawnSync } from 'node:child_process';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';

export type Verdict =
  | { kind: 'clean'; lesser: number }
  | { kind: 'found'; lines: string[] }
  | { kind: 'not_asked'; reason: string };

const BLOCKING = new Set(['high', 'critical']);
const ANSWER_LIMIT_BYTES = 64 * 1024 * 1024;
const TIMEOUT_MS = 120_000;
const EXIT = { clean: 0, found: 1, not_asked: 6 } as const;

const advisories = z.object({
  vulnerabilities: z.record(
    z.string(),
    z.object({ severity: z.string(), range: z.string().default('*'), via: z.array(z.unknown()).default([]) }),
  ),
});
const advisory = z.object({ title: z.string(), url: z.string().optional() });
const refusal = z.object({ message: z.string() });
const signatures = z.object({
  invalid: z.array(z.object({ name: z.string(), version: z.string() })),
  missing: z.array(z.object({ name: z.string(), version: z.string() })),
});

/** Reads what `npm audit --json` printed. Advisories below "high" are counted and do not block. */
export function readAdvisories(text: string): Verdict {
  const answer = parsed(text);
  const found = advisories.safeParse(answer);
  if (!found.success) return notAsked(answer);
  const all = Object.entries(found.data.vulnerabilities);
  const blocking = all.filter(([, { severity }]) => BLOCKING.has(severity));
  if (blocking.length === 0) return { kind: 'clean', lesser: all.length };
  return {
    kind: 'found',
    lines: blocking.map(([name, { severity, range, via }]) => {
      const said = via.flatMap((entry) => advisory.safeParse(entry).data ?? []);
      const because = said.map(({ title, url }) => (url === undefined ? title : `${title} (${url})`));
      return `${severity}: ${name} ${range}${because.length > 0 ? `: ${because.join('; ')}` : ''}`;
    }),
  };
}

/** Reads what `npm audit signatures --json` printed. A missing signature counts as much as a wrong one. */
export function readSignatures(text: string): Verdict {
  const answer = parsed(text);
  const found = signatures.safeParse(answer);
  if (!found.success) return notAsked(answer);
  const lines = [
    ...found.data.invalid.map(({ name, version }) => `wrong signature: ${name}@${version}`),
    ...found.data.missing.map(({ name, version }) => `no signature: ${name}@${version}`),
  ];
  return lines.length === 0 ? { kind: 'clean', lesser: 0 } : { kind: 'found', lines };
}

function notAsked(answer: unknown): Verdict {
  const said = refusal.safeParse(answer);
  return {
    kind: 'not_asked',
    reason: said.success ? said.data.message : 'The registry gave no answer in time that can be read.',
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function npm(args: string[]): string {
  const run = spawnSync('npm', [...args, '--json', '--loglevel=silent'], {
    encoding: 'utf8',
    maxBuffer: ANSWER_LIMIT_BYTES,
    timeout: TIMEOUT_MS,
  });
  return run.stdout ?? '';
}

function say(subject: string, verdict: Verdict): void {
  if (verdict.kind === 'not_asked') console.log(`${subject}: not checked. ${verdict.reason}`);
  else if (verdict.kind === 'found') for (const line of verdict.lines) console.log(`${subject}: ${line}`);
  else console.log(`${subject}: nothing${verdict.lesser > 0 ? ` of weight (${verdict.lesser} lesser)` : ''}`);
}

function main(): number {
  const known = readAdvisories(npm(['audit']));
  const signed = readSignatures(npm(['audit', 'signatures']));
  say('known holes', known);
  say('signatures', signed);
  if (known.kind === 'found' || signed.kind === 'found') return EXIT.found;
  return known.kind === 'not_asked' || signed.kind === 'not_asked' ? EXIT.not_asked : EXIT.clean;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href)
  process.exitCode = main();
