// The reader of a story: the page that the address names, kept current while it is written and painted, and what can be done
// from it. Going back deletes nothing: every page that was read stays in the map.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { lazy, Suspense, useEffect, useState } from 'react';
import { problemOf } from '../../api/problem.ts';
import { Icon } from '../../ui/Icon.tsx';
import { ProblemNote } from '../../ui/ProblemNote.tsx';
import { type Shortcut, useShortcuts } from '../../ui/shortcuts.ts';
import {
  regeneratePage,
  type Story,
  type StoryPage,
  type StoryQuote,
  startStory,
  storyQuery,
  storyQuoteQuery,
  takeStory,
  useLiveStory,
} from '../story-api.ts';
import { Leaf } from './Leaf.tsx';
import { ReaderBar } from './ReaderBar.tsx';
import './reader.css';
import { creditsIn, type ReaderText, readerTexts } from './reader-text.ts';
import { stepSize, useLook } from './reading-look.ts';
import { placeIn } from './reading-place.ts';
import { childrenOf, pageAfter, pageToShow, waysOn } from './story-tree.ts';
import { useReader } from './use-reader.ts';
import { useStep } from './use-step.ts';

const route = getRouteApi('/shell/stories/$id/read');
/** Ways that have a key. */
const MOST_KEYS = 9;

const BranchMap = lazy(() => import('./BranchMap.tsx').then(({ BranchMap }) => ({ default: BranchMap })));
const RemakeDialog = lazy(() =>
  import('./RemakeDialog.tsx').then(({ RemakeDialog }) => ({ default: RemakeDialog })),
);
const ShareDialog = lazy(() =>
  import('../../share/ShareDialog.tsx').then(({ ShareDialog }) => ({ default: ShareDialog })),
);

type Layer = 'map' | 'remake' | 'share';

/** A language as HTML names it. */
const langOf = ({ language }: Story) => (language === 'zh' ? 'zh-CN' : language);

/** A popover keeps the page's keys from acting beneath it. */
const isFree = () => document.querySelector('.popover:popover-open') === null;

function keysOf(
  reader: ReturnType<typeof useReader>,
  ways: ReturnType<typeof waysOn>,
  { t }: ReaderText,
  open: (layer: Layer) => void,
): Shortcut[] {
  const key = (keys: string, label: string, run: () => void) => ({
    keys,
    label,
    run: () => isFree() && run(),
  });
  return [
    key('ArrowLeft', t('reader.keys.back'), reader.back),
    key('ArrowRight', t('reader.keys.forward'), reader.forward),
    ...ways
      .slice(0, MOST_KEYS)
      .map((way, index) => key(String(index + 1), way.text, () => reader.choose(way))),
    key('m', t('reader.map'), () => open('map')),
    key('r', t('reader.remake'), () => open('remake')),
    key('s', t('reader.share'), () => open('share')),
    key('+', t('reader.keys.larger'), () => stepSize(1)),
    key('-', t('reader.keys.smaller'), () => stepSize(-1)),
  ];
}

/** The ways back and forward, within reach of the thumb. */
function Turning({
  story,
  page,
  text,
  reader,
}: {
  story: Story;
  page: StoryPage;
  text: ReaderText;
  reader: ReturnType<typeof useReader>;
}) {
  const { t } = text;
  const isFirst = page.parent_id === null;
  const hasNext =
    pageAfter(story.pages, page, new Map()) !== undefined || childrenOf(story.pages, page.id).length > 0;
  return (
    <nav className="turning" aria-label={t('reader.turning')}>
      <button
        type="button"
        className="button button-quiet"
        aria-disabled={isFirst}
        onClick={() => !isFirst && reader.back()}
      >
        <Icon name="left" />
        {t('reader.back')}
      </button>
      <p className="figures text-sm text-soft">
        {t('reader.place', { number: page.number, count: story.page_count })}
      </p>
      <button
        type="button"
        className="button button-quiet"
        aria-disabled={page.is_last && !hasNext}
        onClick={() => reader.forward()}
      >
        {t('reader.forward')}
        <Icon name="right" />
      </button>
    </nav>
  );
}

function OpenBook({ story, page, text }: { story: Story; page: StoryPage; text: ReaderText }) {
  const client = useQueryClient();
  const { data: quote } = useQuery(storyQuoteQuery(story.id));
  const reader = useReader(story, page, text);
  const look = useLook();
  const [layer, setLayer] = useState<Layer | null>(null);
  const isWritten = page.text !== '' && page.writing.status !== 'running';
  const ways = isWritten && !page.is_last ? waysOn(story.pages, page) : [];
  useShortcuts(text.t('reader.keys'), keysOf(reader, ways, text, setLayer));
  const lang = langOf(story);
  const close = () => setLayer(null);
  const shared = story.pages.flatMap(({ opened, picture }) =>
    opened && picture.image ? picture.image.id : [],
  );
  return (
    <div className="reader" data-paper={look.paper} data-size={look.size}>
      <ReaderBar
        story={story}
        page={page}
        text={text}
        onMap={() => setLayer('map')}
        onRemake={() => setLayer('remake')}
        onShare={() => setLayer('share')}
      />
      <Leaf
        story={story}
        page={page}
        quote={quote}
        text={text}
        lang={lang}
        reader={reader}
        onMap={() => setLayer('map')}
        onRemake={() => setLayer('remake')}
      />
      <Turning story={story} page={page} text={text} reader={reader} />
      <Suspense fallback={null}>
        {layer === 'map' && (
          <BranchMap
            story={story}
            current={page}
            text={text}
            lang={lang}
            onOpen={(target) => {
              close();
              reader.turnTo(target);
            }}
            onClose={close}
          />
        )}
        {layer === 'remake' && (
          <RemakeDialog
            page={page}
            hasNext={childrenOf(story.pages, page.id).some(({ opened }) => opened)}
            quote={quote}
            text={text}
            onRemake={async (part) => takeStory(client, await regeneratePage(story.id, page.id, part))}
            onClose={close}
          />
        )}
        {layer === 'share' && (
          <ShareDialog imageIds={shared} story={{ id: story.id, title: story.title }} onClose={close} />
        )}
      </Suspense>
    </div>
  );
}

/** A story without pages: how to begin it. */
function Unbegun({ story, quote, text }: { story: Story; quote: StoryQuote | undefined; text: ReaderText }) {
  const { t } = text;
  const client = useQueryClient();
  const { isBusy, problem, run } = useStep();
  const begin = () => run(async () => takeStory(client, await startStory(story.id)));
  return (
    <div className="reader-note">
      <h1 className="text-xl font-semibold">{story.title || t('reader.unbegun')}</h1>
      <p className="text-soft">{t(story.outline ? 'reader.unbegun.ready' : 'reader.unbegun.noOutline')}</p>
      <div className="flex flex-wrap gap-2">
        {story.outline && (
          <button
            type="button"
            className="button button-lamp figures"
            aria-disabled={isBusy}
            onClick={() => void begin()}
          >
            {quote && quote.page_credits > 0
              ? `${t('reader.begin')} · ${creditsIn(text, quote.page_credits)}`
              : t('reader.begin')}
          </button>
        )}
        <Link to="/stories/$id" params={{ id: story.id }} className="button">
          {t('reader.toStory')}
        </Link>
      </div>
      {problem && <ProblemNote problem={problem} />}
    </div>
  );
}

function Removed({ text }: { text: ReaderText }) {
  return (
    <div className="reader-note" role="status">
      <h1 className="text-xl font-semibold">{text.t('reader.removed')}</h1>
      <p className="text-soft">{text.t('reader.removed.hint')}</p>
      <Link to="/stories" className="button self-start">
        {text.t('reader.toStories')}
      </Link>
    </div>
  );
}

/** The tab's title: the story, and the page while it is being made. */
function useTitle(story: Story | undefined, page: StoryPage | undefined): void {
  useEffect(() => {
    const name = story?.title ?? '';
    const place = page && page.number > 1 ? `${page.number} · ` : '';
    document.title = name === '' ? 'Drawbridge' : `${place}${name} · Drawbridge`;
  }, [story?.title, page?.number]);
}

export function ReaderPage() {
  const { id } = route.useParams();
  const { page: wanted } = route.useSearch();
  const text = readerTexts.useText();
  const { data: story, error, refetch } = useQuery(storyQuery(id));
  const { data: quote } = useQuery(storyQuoteQuery(id));
  const { isRemoved } = useLiveStory(id);
  const [lastRead] = useState(() => placeIn(id));
  const page = story && pageToShow(story, wanted, lastRead);
  useTitle(story, page);
  if (isRemoved) return <Removed text={text} />;
  if (!story && error)
    return (
      <ProblemNote problem={problemOf(error)} className="mx-auto max-w-xl px-4 py-10">
        <button type="button" className="button button-lamp" onClick={() => void refetch()}>
          {text.t('app.retry')}
        </button>
        <Link to="/stories" className="button">
          {text.t('reader.toStories')}
        </Link>
      </ProblemNote>
    );
  if (!story)
    return (
      <p role="status" className="sr-only">
        {text.t('app.loading')}
      </p>
    );
  if (!page) return <Unbegun story={story} quote={quote} text={text} />;
  return <OpenBook key={story.id} story={story} page={page} text={text} />;
}
