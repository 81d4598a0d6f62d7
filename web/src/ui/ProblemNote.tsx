// A failure as people need it: what happened, the likely cause, what to do now, and the id to quote when asking for help.
import type { ReactNode } from 'react';
import type { Problem } from '../api/problem.ts';
import { CopyButton } from './CopyButton.tsx';
import { Icon } from './Icon.tsx';
import { type Text, useText } from './language.ts';

export interface ProblemText {
  title: string;
  detail: string | null;
  cause: string;
  fix: string;
}

/**
 * The texts of a problem in the page's language. A stored failure may have been written in another language than the
 * page's, so a registered title wins; the occurrence's own cause and fix know better, but only in their language.
 */
export function describeProblem(problem: Problem, { t, errors, language }: Text): ProblemText {
  const registered = errors[problem.code];
  const own = problem.code === 'network' ? 'network' : problem.code === 'image' ? 'image' : 'unknown';
  const title = registered?.title ?? problem.title ?? t(`problem.${own}.title`);
  return {
    title,
    detail: problem.detail === title || problem.detail === problem.title ? null : problem.detail,
    cause:
      (language === 'en' ? problem.cause : null) ??
      registered?.cause ??
      problem.cause ??
      t(`problem.${own}.cause`),
    fix:
      (language === 'en' ? problem.fix : null) ?? registered?.fix ?? problem.fix ?? t(`problem.${own}.fix`),
  };
}

interface ProblemNoteProps {
  problem: Problem;
  /** Buttons that act on the fix. */
  children?: ReactNode;
  className?: string;
}

export function ProblemNote({ problem, children, className = '' }: ProblemNoteProps) {
  const text = useText();
  const { t } = text;
  const { title, detail, cause, fix } = describeProblem(problem, text);
  // A problem without a detail of its own has that of its first field.
  const isOfField = problem.fields.some((field) => detail?.endsWith(field.detail));
  return (
    <div className={`flex flex-col gap-2 text-sm ${className}`}>
      <p className="flex gap-2 text-base font-semibold text-alarm">
        <Icon name="alert" className="mt-0.5 size-5" />
        <span>{title}</span>
      </p>
      {detail && !isOfField && <p>{detail}</p>}
      {problem.fields.length > 0 && (
        <ul className="list-disc pl-5">
          {problem.fields.map((field) => (
            <li key={field.pointer + field.detail}>
              {field.pointer !== '' && <code className="font-mono text-xs">{field.pointer} </code>}
              {field.detail}
            </li>
          ))}
        </ul>
      )}
      <dl className="flex flex-col gap-1.5">
        <div>
          <dt className="eyebrow">{t('problem.cause')}</dt>
          <dd>{cause}</dd>
        </div>
        <div>
          <dt className="eyebrow">{t('problem.fix')}</dt>
          <dd>{fix}</dd>
        </div>
      </dl>
      <div className="flex flex-wrap items-center gap-2">
        {children}
        {problem.requestId && (
          <CopyButton text={problem.requestId}>
            <span className="sr-only">{t('app.copy')}</span>
            <span className="max-w-40 truncate font-mono text-xs">
              {t('problem.requestId')} {problem.requestId}
            </span>
          </CopyButton>
        )}
      </div>
    </div>
  );
}
