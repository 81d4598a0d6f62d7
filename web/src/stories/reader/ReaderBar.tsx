// The bar over a page: back to the story, its title, and what can be done: look, map, save, share, make again.
import { Link } from '@tanstack/react-router';
import { problemOf } from '../../api/problem.ts';
import { Icon } from '../../ui/Icon.tsx';
import { Menu } from '../../ui/Menu.tsx';
import { describeProblem } from '../../ui/ProblemNote.tsx';
import { showToast } from '../../ui/toast.tsx';
import { type Story, type StoryPage, saveBook } from '../story-api.ts';
import { BranchIcon } from './BranchIcon.tsx';
import { LookPanel } from './LookPanel.tsx';
import type { ReaderText } from './reader-text.ts';

/** Longer than any book takes; the note goes when the book is there. */
const SAVING_SHOWN_MS = 600_000;

interface ReaderBarProps {
  story: Story;
  page: StoryPage;
  text: ReaderText;
  onMap(): void;
  onRemake(): void;
  onShare(): void;
}

/** Saves a book and says how that goes. */
async function save(story: Story, format: 'pdf' | 'epub', pageId: string | null, text: ReaderText) {
  const { t } = text;
  const hide = showToast({
    text: t('reader.save.busy', { format: format.toUpperCase() }),
    shownMs: SAVING_SHOWN_MS,
  });
  try {
    await saveBook(story.id, format, pageId);
    hide();
    showToast({ text: t('reader.save.done', { title: story.title }) });
  } catch (error) {
    hide();
    const { title, detail, fix } = describeProblem(problemOf(error), text);
    showToast({ text: `${detail ?? title} ${fix}`, tone: 'alarm' });
  }
}

export function ReaderBar({ story, page, text, onMap, onRemake, onShare }: ReaderBarProps) {
  const { t } = text;
  const saving = (format: 'pdf' | 'epub', pageId: string | null) => () =>
    void save(story, format, pageId, text);
  return (
    <header className="reader-bar">
      <Link
        to="/stories/$id"
        params={{ id: story.id }}
        className="button button-quiet button-icon"
        aria-label={t('reader.toStory')}
      >
        <Icon name="left" />
      </Link>
      <p className="reader-title">{story.title}</p>
      <LookPanel text={text} />
      <button type="button" className="button button-quiet min-w-11" onClick={onMap}>
        <BranchIcon />
        <span className="max-sm:sr-only">{t('reader.map')}</span>
      </button>
      <Menu
        name={t('reader.save')}
        label={<Icon name="download" />}
        className="button button-quiet button-icon"
        items={[
          { label: t('reader.save.path.pdf'), icon: 'download', run: saving('pdf', page.id) },
          { label: t('reader.save.path.epub'), icon: 'story', run: saving('epub', page.id) },
          { label: t('reader.save.tree.pdf'), icon: 'download', run: saving('pdf', null) },
          { label: t('reader.save.tree.epub'), icon: 'story', run: saving('epub', null) },
        ]}
      />
      <Menu
        name={t('app.more')}
        label={<Icon name="more" />}
        className="button button-quiet button-icon"
        items={[
          { label: t('reader.remake'), icon: 'again', run: onRemake },
          { label: t('reader.share'), icon: 'share', run: onShare },
        ]}
      />
    </header>
  );
}
