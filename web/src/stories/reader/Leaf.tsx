// One page of a story: picture, title, text, and how it goes on or that it ends here.
import { useQueryClient } from '@tanstack/react-query';
import { useLayoutEffect, useRef } from 'react';
import { Icon } from '../../ui/Icon.tsx';
import {
  isUnderWay,
  regeneratePage,
  type Story,
  type StoryPage,
  type StoryQuote,
  takeStory,
} from '../story-api.ts';
import { BranchIcon } from './BranchIcon.tsx';
import { PagePicture } from './PagePicture.tsx';
import { PageText } from './PageText.tsx';
import { creditsIn, type ReaderText } from './reader-text.ts';
import { StepTrouble } from './StepTrouble.tsx';
import { waysOn } from './story-tree.ts';
import type { Reader } from './use-reader.ts';
import { WaysOn } from './WaysOn.tsx';

interface LeafProps {
  story: Story;
  page: StoryPage;
  quote: StoryQuote | undefined;
  text: ReaderText;
  lang: string;
  reader: Reader;
  onMap(): void;
  onRemake(): void;
}

/** The button that has something made (again), with its price. */
function useMaking({ story, page, quote, text }: LeafProps) {
  const client = useQueryClient();
  return (what: 'text' | 'picture') => {
    const credits = what === 'text' ? quote?.text_credits : quote?.picture_credits;
    const { status } = what === 'text' ? page.writing : page.picture;
    const name = text.t(
      status === 'waiting'
        ? 'reader.tryNow'
        : status === 'failed'
          ? 'reader.tryAgain'
          : 'reader.picture.paint',
    );
    return {
      label: credits === undefined || credits === 0 ? name : `${name} · ${creditsIn(text, credits)}`,
      run: async () => takeStory(client, await regeneratePage(story.id, page.id, what)),
    };
  };
}

/** The heading takes the focus when a page is turned, so that reading goes on from the top. */
function useTurnedTo(pageId: string) {
  const heading = useRef<HTMLHeadingElement>(null);
  const shown = useRef(pageId);
  useLayoutEffect(() => {
    if (shown.current === pageId) return;
    shown.current = pageId;
    window.scrollTo({ top: 0 });
    heading.current?.focus({ preventScroll: true });
  }, [pageId]);
  return heading;
}

function Ending({ story, text, reader, onMap }: Omit<LeafProps, 'page' | 'quote' | 'onRemake'>) {
  const { t } = text;
  const first = story.pages.find(({ parent_id: parent }) => parent === null);
  return (
    <section className="leaf-ending">
      <p className="leaf-end">{t('reader.end')}</p>
      <div className="flex flex-wrap justify-center gap-2">
        {first && (
          <button type="button" className="button" onClick={() => reader.turnTo(first)}>
            <Icon name="again" />
            {t('reader.fromStart')}
          </button>
        )}
        <button type="button" className="button" onClick={onMap}>
          <BranchIcon />
          {t('reader.otherWays')}
        </button>
      </div>
    </section>
  );
}

export function Leaf(props: LeafProps) {
  const { story, page, quote, text, lang, reader } = props;
  const { t } = text;
  const heading = useTurnedTo(page.id);
  const making = useMaking(props);
  const isFirst = page.parent_id === null;
  const title = isFirst ? story.title : page.title || story.title;
  const isWritten = page.text !== '' && page.writing.status !== 'running';
  const ways = waysOn(story.pages, page);
  return (
    <article className="leaf" lang={lang} data-page={page.id}>
      <PagePicture
        story={story}
        page={page}
        text={text}
        lang={lang}
        retry={making('picture')}
        onRemake={props.onRemake}
      />
      <div className="leaf-words">
        <header className="leaf-head">
          {page.choice !== null && <p className="leaf-choice">{page.choice}</p>}
          <h1 ref={heading} tabIndex={-1} className="leaf-title">
            {title}
          </h1>
          {isFirst && page.title !== '' && page.title !== title && (
            <p className="leaf-choice">{page.title}</p>
          )}
        </header>
        {page.text === '' && page.writing.status === 'queued' && (
          <p className="text-soft" role="status" lang={text.locale}>
            {t('reader.queued')}
          </p>
        )}
        <PageText key={page.id} page={page} text={text} />
        <div lang={text.locale} className="contents">
          <StepTrouble step={page.writing} text={text} retry={making('text')} />
          {isWritten && page.is_last && <Ending {...props} />}
          {isWritten && !page.is_last && (
            <WaysOn
              page={page}
              ways={ways}
              quote={quote}
              text={text}
              lang={lang}
              step={reader.step}
              onChoose={reader.choose}
              onOwn={reader.goOwnWay}
            />
          )}
          {isFirst && story.by_demo_writer && !isUnderWay(page.writing) && (
            <p className="mt-8 text-sm text-soft">{t('reader.demoWriter')}</p>
          )}
        </div>
      </div>
    </article>
  );
}
