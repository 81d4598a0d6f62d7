// A doctor's check as data: what it is called, what it looks at, and what it found. Titles, causes and fixes come from the
// message catalogue by the check's id; a check that fails itself is a finding, never the end of the others.
import type { DoctorMessages } from '../kernel/messages/doctor-en.ts';
import type { CheckBody, FindingBody } from './contract.ts';

export type CheckId = keyof DoctorMessages['checks'];

export interface Outcome {
  state: 'ok' | 'warning' | 'error' | 'skipped';
  /** What is so, in the asker's language. */
  what: string;
  /** Rows, files or values that show it. */
  evidence?: readonly string[];
  /** What to do, where more is known than the catalogue says. */
  fix?: string;
  /** Does what is safe about it, and says what it did; only called with the operator's word. */
  repair?: () => Promise<string>;
}

export interface Check<Context> {
  id: CheckId;
  /** Distinguishes checks of one kind, such as providers. */
  subject?: string;
  /** Only with `--deep`. */
  deep?: boolean;
  run(context: Context): Promise<Outcome> | Outcome;
}

export interface CheckResults {
  checks: CheckBody[];
  findings: FindingBody[];
}

/** Runs checks one after another, so that a busy server hardly notices. */
export async function runChecks<Context>(
  checks: readonly Check<Context>[],
  context: Context,
  { text, deep, fix }: { text: DoctorMessages; deep: boolean; fix: boolean },
): Promise<CheckResults> {
  const results: CheckResults = { checks: [], findings: [] };
  for (const check of checks) {
    if (check.deep === true && !deep) continue;
    const outcome = await runCheck(check, context, text);
    const about = textOf(check.id, text);
    const id = check.subject === undefined ? check.id : `${check.id}:${check.subject}`;
    const title = check.subject === undefined ? about.title : `${about.title} ${check.subject}`;
    results.checks.push({ id, title, state: outcome.state, detail: outcome.what });
    if (outcome.state !== 'warning' && outcome.state !== 'error') continue;
    results.findings.push({
      id,
      severity: outcome.state,
      title,
      what: outcome.what,
      cause: about.cause,
      fix: outcome.fix ?? about.fix,
      evidence: [...(outcome.evidence ?? [])],
      fixed: fix && outcome.repair ? await tryRepair(outcome.repair, text) : null,
    });
  }
  return results;
}

async function runCheck<Context>(
  check: Check<Context>,
  context: Context,
  text: DoctorMessages,
): Promise<Outcome> {
  try {
    return await check.run(context);
  } catch (error) {
    return { state: 'error', what: text.what.crashed(messageOf(error)) };
  }
}

async function tryRepair(repair: () => Promise<string>, text: DoctorMessages): Promise<string> {
  try {
    return await repair();
  } catch (error) {
    return text.fixed.failed(messageOf(error));
  }
}

/** The rules of the ledger share one cause and one fix. */
function textOf(id: CheckId, text: DoctorMessages) {
  const own = text.checks[id];
  return own.cause === '' ? { ...text.checks.ledger, title: own.title } : own;
}

export const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));
