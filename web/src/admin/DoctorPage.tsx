// What is wrong with the server, how it shows and what to do, in the same words as the command line.
import { useState } from 'react';
import { call } from '../api/client.ts';
import { useRoomTitle } from '../pages/use-room-title.ts';
import { CopyButton } from '../ui/CopyButton.tsx';
import type { DoctorReport } from './admin-api.ts';
import { adminTexts } from './admin-text.ts';
import { Ask, FailedNote, Heading, Nothing, Section, State } from './parts.tsx';
import { useAdminAction } from './use-action.ts';

const CHECK_TONES = { ok: 'calm', warning: 'work', error: 'alarm', skipped: 'off' } as const;
/** What a fix says to type. */
const COMMAND = /`([^`]+)`/;

function FindingCard({ finding }: { finding: DoctorReport['findings'][number] }) {
  const { t } = adminTexts.useText();
  const command = COMMAND.exec(finding.fix)?.[1];
  return (
    <li className="sheet flex flex-col gap-2 p-4">
      <div className="flex flex-wrap items-center gap-3">
        <State tone={CHECK_TONES[finding.severity]}>{t(`doctor.${finding.severity}`)}</State>
        <h3 className="font-semibold">{finding.title}</h3>
        <code className="font-mono text-xs text-soft">{finding.id}</code>
      </div>
      <p>{finding.what}</p>
      <dl className="flex flex-col gap-1.5 text-sm">
        <dt className="eyebrow">{t('problem.cause')}</dt>
        <dd>{finding.cause}</dd>
        <dt className="eyebrow">{t('problem.fix')}</dt>
        <dd className="flex flex-wrap items-center gap-2">
          {finding.fix}
          {command && <CopyButton text={command}>{t('doctor.copyCommand')}</CopyButton>}
        </dd>
      </dl>
      {finding.fixed && <p className="text-sm text-calm">{finding.fixed}</p>}
      {finding.evidence.length > 0 && (
        <details className="text-sm">
          <summary className="w-fit text-soft underline">{t('repair.evidence')}</summary>
          <ul className="mt-1 list-disc pl-5 font-mono text-xs">
            {finding.evidence.map((line) => (
              <li key={line}>{line}</li>
            ))}
          </ul>
        </details>
      )}
    </li>
  );
}

function Report({ report, at }: { report: DoctorReport; at: string }) {
  const { t } = adminTexts.useText();
  return (
    <>
      <p className="mb-3 text-sm text-soft">{t('doctor.checkedAt', { time: at })}</p>
      {report.findings.length === 0 ? (
        <Nothing>{t('doctor.well')}</Nothing>
      ) : (
        <ul className="flex flex-col gap-3">
          {report.findings.map((finding) => (
            <FindingCard key={finding.id + finding.title} finding={finding} />
          ))}
        </ul>
      )}
      <Section title={t('doctor.checks', { count: report.checks.length })}>
        <ul className="sheet overflow-hidden">
          {report.checks.map((check) => (
            <li key={check.id} className="admin-row text-sm">
              <State tone={CHECK_TONES[check.state]}>{t(`doctor.${check.state}`)}</State>
              <span className="min-w-0">
                <span className="font-medium">{check.title}</span>
                <span className="block text-soft">{check.detail}</span>
              </span>
              <code className="font-mono text-xs text-soft max-sm:hidden">{check.id}</code>
            </li>
          ))}
        </ul>
      </Section>
    </>
  );
}

export function DoctorPage() {
  const { t, locale } = adminTexts.useText();
  useRoomTitle(t('nav.doctor'));
  const action = useAdminAction();
  const [isFixing, setFixing] = useState(false);
  const [shown, setShown] = useState<{ report: DoctorReport; at: string } | null>(null);
  const examine = async (body: { deep: boolean; fix: boolean }) => {
    const report = await call<DoctorReport>('POST', 'v1/admin/doctor', { body });
    setShown({ report, at: new Intl.DateTimeFormat(locale, { timeStyle: 'medium' }).format(Date.now()) });
  };
  const button = (label: string, body: { deep: boolean; fix: boolean }, look = 'button') => (
    <button
      type="button"
      className={look}
      aria-disabled={action.isBusy}
      onClick={() => void action.run(() => examine(body))}
    >
      {label}
    </button>
  );
  return (
    <>
      <Heading title={t('nav.doctor')} lead={t('doctor.lead')}>
        {button(
          action.isBusy ? t('doctor.busy') : t('doctor.run'),
          { deep: false, fix: false },
          'button button-lamp',
        )}
        {button(t('doctor.deep'), { deep: true, fix: false })}
        {shown && shown.report.findings.length > 0 && (
          <button type="button" className="button" onClick={() => setFixing(true)}>
            {t('doctor.fix')}
          </button>
        )}
      </Heading>
      {action.problem && <FailedNote problem={action.problem} />}
      <div aria-live="polite">
        {shown ? <Report {...shown} /> : !action.problem && <Nothing>{t('doctor.notYet')}</Nothing>}
      </div>
      {isFixing && (
        <Ask
          title={t('doctor.fix')}
          text={t('doctor.fix.hint')}
          label={t('doctor.fix')}
          action={() => examine({ deep: shown?.report.deep ?? false, fix: true })}
          onClose={() => setFixing(false)}
        />
      )}
    </>
  );
}
