// The doctor: runs the checks and puts the report together. What it checks is data, in machine-checks.ts and data-checks.ts.
import type { LedgerReport } from '../credits/credits.ts';
import type { Language } from '../kernel/errors.ts';
import type { DoctorMessages } from '../kernel/messages/doctor-en.ts';
import type { MediaCheck } from '../media/media.ts';
import type { DoctorReportBody } from './contract.ts';
import { type DataContext, dataChecks, verifyWithTasks } from './data-checks.ts';
import { type CheckResults, runChecks } from './doctor-check.ts';
import { HOST_CHECKS } from './host-checks.ts';
import { MACHINE_CHECKS, type MachineContext } from './machine-checks.ts';
import { REACH_CHECKS } from './reach-checks.ts';
import { checkCopies, straysBefore } from './restore-checks.ts';
import { WAY_CHECKS, type WayContext } from './way-checks.ts';
import { WORK_CHECKS, type WorkContext } from './work-checks.ts';

export interface DoctorRequest {
  deep: boolean;
  /** Do what is safe about what is found. */
  fix: boolean;
  language: Language;
  fetchPath: DataContext['fetchPath'];
  /** Who asks; the picture that is followed on its way is theirs. */
  accountId: string | null;
}

export type DoctorParts = Omit<MachineContext, 'text'> &
  Omit<DataContext, 'text' | 'ledger' | 'mediaChecks' | 'fetchPath'> &
  Omit<WayContext, 'text' | 'fetchPath' | 'accountId'> &
  Omit<WorkContext, 'text'>;

export async function doctorMessages(language: Language): Promise<DoctorMessages> {
  if (language === 'zh') return (await import('../kernel/messages/doctor-zh.ts')).doctorZh;
  return (await import('../kernel/messages/doctor-en.ts')).doctorEn;
}

/** All checks of machine and data. */
export async function examine(parts: DoctorParts, request: DoctorRequest): Promise<DoctorReportBody> {
  const { deep, fix, language, fetchPath, accountId } = request;
  const text = await doctorMessages(language);
  let ledger: Promise<LedgerReport> | null = null;
  let mediaChecks: Promise<MediaCheck[]> | null = null;
  const context = {
    ...parts,
    text,
    fetchPath,
    accountId,
    ledger: () => {
      ledger ??= verifyWithTasks(parts.db);
      return ledger;
    },
    mediaChecks: () => {
      mediaChecks ??= straysBefore(parts.db).then((strayBefore) =>
        parts.media.doctorChecks({ deep, strayBefore }),
      );
      return mediaChecks;
    },
  };
  const how = { text, deep, fix };
  const machine = await runChecks([...MACHINE_CHECKS, ...HOST_CHECKS], context, how);
  // Before the data's own repairs: what is found missing or left over now decides whether collection may go on.
  const copies = await checkCopies(parts, { language, fix, mediaChecks: context.mediaChecks });
  const data = await runChecks(dataChecks(parts.providers), context, how);
  const way = await runChecks(WAY_CHECKS, context, how);
  const reach = await runChecks(REACH_CHECKS, context, how);
  const work = await runChecks(WORK_CHECKS, context, how);
  return toReport([machine, copies, data, way, reach, work], deep);
}

/** The checks that need nothing that runs, and why the program itself could not be opened. */
export async function examineMachine(
  parts: Omit<MachineContext, 'text'>,
  request: { language: Language; startError: string },
): Promise<DoctorReportBody> {
  const text = await doctorMessages(request.language);
  const checks = [
    ...MACHINE_CHECKS,
    ...HOST_CHECKS,
    { id: 'start' as const, run: () => ({ state: 'error' as const, what: request.startError }) },
  ];
  const results = await runChecks(checks, { ...parts, text }, { text, deep: false, fix: false });
  return toReport([results], false);
}

function toReport(results: readonly CheckResults[], deep: boolean): DoctorReportBody {
  const findings = results.flatMap((one) => one.findings);
  return {
    ok: findings.every(({ severity }) => severity !== 'error'),
    deep,
    checks: results.flatMap((one) => one.checks),
    findings,
  };
}
