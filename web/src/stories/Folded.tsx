// A part of a form that most people leave as it is: folded, with what is set in it said in its head.
import type { ReactNode } from 'react';
import { Icon } from '../ui/Icon.tsx';

interface FoldedProps {
  title: string;
  /** What is set inside, in a few words. */
  summary: string;
  isOpen?: boolean;
  children: ReactNode;
}

export function Folded({ title, summary, isOpen = false, children }: FoldedProps) {
  return (
    <details open={isOpen} className="folded">
      <summary className="flex min-h-11 items-center gap-2">
        <Icon name="down" className="folded-mark size-4.5" />
        <span className="shrink-0 font-medium">{title}</span>
        <span className="min-w-0 truncate text-sm text-soft">{summary}</span>
      </summary>
      <div className="flex flex-col gap-5 pt-2">{children}</div>
    </details>
  );
}
