// The text of a page: paragraphs as they arrive while it is written. Screen readers hear each paragraph once, when it is whole.
import type { StoryPage } from '../story-api.ts';
import type { ReaderText } from './reader-text.ts';
import { paragraphsOf } from './story-tree.ts';

const SKELETON_LINES = [1, 2, 3, 4] as const;

export function PageText({ page, text }: { page: StoryPage; text: ReaderText }) {
  const { status } = page.writing;
  const isWriting = status === 'running';
  const paragraphs = paragraphsOf(page.text);
  const whole = isWriting ? paragraphs.slice(0, -1) : paragraphs;
  const arriving = isWriting ? paragraphs.at(-1) : undefined;
  const isAwaited = page.text === '' && (isWriting || status === 'queued');
  return (
    <div className="leaf-text" aria-live="polite" aria-relevant="additions" data-writing={status}>
      {whole.map((paragraph, index) => (
        <p key={index}>{paragraph}</p>
      ))}
      {arriving !== undefined && (
        // A place of its own, so that the whole paragraph is news to screen readers when it is done.
        <p key="arriving" className="leaf-arriving" aria-hidden="true">
          {arriving}
        </p>
      )}
      {isAwaited && (
        <div key="awaited" className="leaf-awaited">
          <p className="sr-only" lang={text.locale}>
            {text.t('reader.writing')}
          </p>
          {SKELETON_LINES.map((line) => (
            <span key={line} className="leaf-line" aria-hidden="true" />
          ))}
        </div>
      )}
    </div>
  );
}
