// A story as its share page tells it. Reads only: which of it a visitor may see is decided by the link.
import { findImagesOfTasks } from '../media/media.ts';
import type { StoryLanguage } from '../providers/chat/chat.ts';
import { listJobs, listPages, type PageRow, parseOutline, type StoryRow } from './store.ts';
import type { ViewParts } from './view.ts';

export interface SharedStoryPage {
  id: string;
  parentId: string | null;
  /** 1 for the first page of a path. */
  number: number;
  /** What was chosen on the page before. */
  choice: string | null;
  choiceIndex: number | null;
  title: string;
  text: string;
  altText: string;
  isLast: boolean;
  /** Every picture that was ever painted for it, the one in use first: a link knows the one of its own time. */
  imageIds: string[];
}

export interface SharedStory {
  title: string;
  language: StoryLanguage;
  byDemoWriter: boolean;
  /** Each page after its parent. */
  pages: SharedStoryPage[];
}

/** The written pages of a story with all their pictures. */
export async function gatherSharedStory(parts: ViewParts, story: StoryRow): Promise<SharedStory> {
  const pages = await listPages(parts.read, [story.id]);
  const taskIds = await taskIdsByPage(parts, story.id, pages);
  const images = await findImagesOfTasks(parts.read, [...new Set([...taskIds.values()].flat())]);
  const byTask = new Map<string, string>();
  for (const { id, task_id: taskId } of images)
    if (taskId !== null && !byTask.has(taskId)) byTask.set(taskId, id);
  const outline = story.outline === null ? null : parseOutline(story.outline);
  return {
    title: story.title,
    language: story.language,
    byDemoWriter: story.by_demo_writer === 1,
    pages: pages
      .filter(({ text }) => text !== '')
      .map((page) => ({
        id: page.id,
        parentId: page.parent_id,
        number: page.number,
        choice: page.choice,
        choiceIndex: page.choice_index,
        title: outline?.pages[page.number - 1]?.title ?? '',
        text: page.text,
        altText: page.alt_text,
        isLast: page.number >= story.page_count || page.choices === '[]',
        imageIds: (taskIds.get(page.id) ?? []).flatMap((taskId) => byTask.get(taskId) ?? []),
      })),
  };
}

/** The tasks that painted for each page: the present one, the one before, and all others from the newest. */
async function taskIdsByPage(
  { read }: ViewParts,
  storyId: string,
  pages: readonly PageRow[],
): Promise<Map<string, string[]>> {
  const jobs = (await listJobs(read, [storyId])).filter(({ kind }) => kind === 'picture');
  const ids = new Map<string, string[]>();
  for (const page of pages) {
    const ordered = jobs.filter(({ page_id: pageId }) => pageId === page.id).map(({ task_id: id }) => id);
    const all = [page.task_id, page.former_task_id, ...ordered.reverse()];
    ids.set(page.id, [...new Set(all.filter((id) => id !== null))]);
  }
  return ids;
}
