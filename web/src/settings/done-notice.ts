// Tells people who look at something else that a task has ended: by a notification of the system where the browser has them
// and they wished for it, otherwise by a mark in the tab's title, which goes when they come back.
import type { Task } from '../api/resources.ts';
import { listenLive } from '../live/live-events.ts';
import type { ServerEvent } from '../live/sse.ts';
import { currentText } from '../ui/language.ts';
import { readStored, writeStored } from '../ui/stored.ts';
import { DONE_NOTICE_STORED } from './done-notice-wish.ts';

const MARK = '✓ ';
const MAX_PROMPT_CHARS = 120;

/** `missing` on plain http, where browsers have no notifications. */
export type NoticeSupport = 'possible' | 'denied' | 'missing';

export function noticeSupport(): NoticeSupport {
  if (typeof Notification !== 'function' || !isSecureContext) return 'missing';
  return Notification.permission === 'denied' ? 'denied' : 'possible';
}

export function tellsWhenDone(): boolean {
  return readStored(DONE_NOTICE_STORED) !== null;
}

/** Remembers the wish, asking the browser for permission first; resolves to whether it holds now. */
export async function tellWhenDone(tells: boolean): Promise<boolean> {
  const isAllowed =
    tells && (noticeSupport() === 'missing' || (await Notification.requestPermission()) === 'granted');
  writeStored(DONE_NOTICE_STORED, isAllowed ? 'yes' : null);
  if (isAllowed) startDoneNotices();
  return isAllowed;
}

let titleWatch: MutationObserver | null = null;

function writeMark(): void {
  if (!document.title.startsWith(MARK)) document.title = MARK + document.title;
}

/** The room writes the title whenever tasks change; the mark stays in front of it. */
function markTitle(): void {
  writeMark();
  const title = document.querySelector('title');
  if (!title || titleWatch) return;
  titleWatch = new MutationObserver(writeMark);
  titleWatch.observe(title, { childList: true });
}

function unmarkTitle(): void {
  if (document.hidden) return;
  titleWatch?.disconnect();
  titleWatch = null;
  if (document.title.startsWith(MARK)) document.title = document.title.slice(MARK.length);
}

function tell(task: Task, outcome: 'succeeded' | 'failed'): void {
  markTitle();
  if (noticeSupport() !== 'possible' || Notification.permission !== 'granted') return;
  const prompt = task.prompt.slice(0, MAX_PROMPT_CHARS);
  const notice = new Notification('Drawbridge', {
    body: currentText().t(`announce.${outcome}`, { prompt }),
    // Every tab of this browser hears of the task; the system shows one notice.
    tag: task.id,
  });
  notice.onclick = () => {
    window.focus();
    notice.close();
  };
}

function readTask({ name, data }: ServerEvent): Task | null {
  if (!name.startsWith('task.')) return null;
  try {
    const task = JSON.parse(data) as Task;
    return typeof task?.id === 'string' && typeof task.prompt === 'string' ? task : null;
  } catch {
    return null;
  }
}

let isStarted = false;

/** Tells from now on, for as long as the page is open and the wish holds. */
export function startDoneNotices(): void {
  if (isStarted) return;
  isStarted = true;
  const told = new Set<string>();
  listenLive({
    onEvent(event) {
      if (!document.hidden || !tellsWhenDone()) return;
      const task = readTask(event);
      if (!task || told.has(task.id)) return;
      if (task.status !== 'succeeded' && task.status !== 'failed') return;
      told.add(task.id);
      tell(task, task.status);
    },
  });
  document.addEventListener('visibilitychange', unmarkTitle);
}
