// What is done to pictures: on the selection, on one picture, or on everything that matches. The server counts; the page
// says the server's count and offers to take it back. What leaves the list leaves it only once the server has said so.
import { useQueryClient } from '@tanstack/react-query';
import { useRef } from 'react';
import { problemOf } from '../api/problem.ts';
import { markFavourite } from '../lightbox/image-query.ts';
import { describeProblem } from '../ui/ProblemNote.tsx';
import { showToast } from '../ui/toast.tsx';
import { type ActionSelection, act, type GalleryAction, MOST_IDS, undo } from './gallery-api.ts';
import type { GalleryRoom } from './gallery-room.ts';
import { galleryTexts } from './gallery-text.ts';

/** What an action is for. */
export type ActionTarget = 'selection' | 'everything' | { ordinal: number; id: string };

export interface GalleryActions {
  /** Resolves to whether it was done; what went wrong has been said. */
  run(action: GalleryAction, target: ActionTarget): Promise<boolean>;
  toggleFavourite(id: string, favourite: boolean): Promise<void>;
  /** Says why something was not done. */
  fail(error: unknown): void;
}

/** Whether the pictures of this filter leave the list by this action. */
function leavesList(action: GalleryAction, room: GalleryRoom): boolean {
  if (action === 'unfavourite') return room.filter.favourite === true;
  return action === 'trash' || action === 'restore' || action === 'delete_forever';
}

interface Prepared {
  selection: ActionSelection;
  /** Where the pictures stand, when they are named one by one. */
  ordinals: number[] | null;
  ids: string[] | null;
}

async function prepare(room: GalleryRoom, target: ActionTarget): Promise<Prepared | 'too-many'> {
  const { filter } = room;
  const total = room.index.count;
  if (target === 'everything')
    return { selection: { filter, exceptIds: [], expectedCount: total }, ordinals: null, ids: null };
  if (target !== 'selection')
    return { selection: { ids: [target.id] }, ordinals: [target.ordinal], ids: [target.id] };
  const { size, isAll } = room.selection;
  const ordinals = [...room.selection.markedRanges()].flatMap(([first, end]) =>
    Array.from({ length: end - first }, (_, at) => first + at),
  );
  if (isAll && ordinals.length > MOST_IDS) return 'too-many';
  const ids = await room.markedIds();
  return isAll
    ? { selection: { filter, exceptIds: ids, expectedCount: size }, ordinals: null, ids: null }
    : { selection: { ids }, ordinals, ids };
}

export function useGalleryActions(room: GalleryRoom): GalleryActions {
  const text = galleryTexts.useText();
  const client = useQueryClient();
  const latest = useRef(text);
  latest.current = text;

  const refreshCounts = () => {
    void client.invalidateQueries({ queryKey: ['gallery-facets'] });
    void client.invalidateQueries({ queryKey: ['image'] });
    // The Studio's cards show the same pictures.
    void client.invalidateQueries({ queryKey: ['tasks'] });
  };
  const fail = (error: unknown) => {
    const reason = describeProblem(problemOf(error), latest.current).title;
    showToast({ text: latest.current.t('gallery.failed', { reason }), tone: 'alarm' });
  };
  const takeBack = async (operations: Awaited<ReturnType<typeof act>>) => {
    try {
      await undo(operations);
      await room.reload();
      showToast({ text: latest.current.t('gallery.undone'), shownMs: 3_000 });
    } catch (error) {
      fail(error);
    }
    refreshCounts();
  };

  return {
    fail,
    async run(action, target) {
      const { t } = latest.current;
      try {
        const prepared = await prepare(room, target);
        if (prepared === 'too-many') {
          showToast({ text: t('gallery.tooManyExceptions') });
          return false;
        }
        const operations = await act(action, prepared.selection);
        if (target === 'selection') room.selection.clear();
        if (prepared.ordinals === null) await room.reload();
        else if (leavesList(action, room)) room.remove(prepared.ordinals.sort((a, b) => a - b));
        else if (action === 'favourite' || action === 'unfavourite')
          for (const id of prepared.ids ?? []) room.change(id, { favourite: action === 'favourite' });
        room.noteSelection();
        const n = operations.reduce((sum, operation) => sum + operation.touched, 0);
        const canUndo = operations.some((operation) => operation.can_undo);
        if (action !== 'tag' && action !== 'untag')
          showToast({
            text: t(`gallery.done.${action}`, { n }),
            ...(canUndo
              ? { action: { label: t('gallery.undo'), run: () => void takeBack(operations) } }
              : {}),
          });
      } catch (error) {
        if (problemOf(error).status === 409) {
          await room.reload();
          room.selection.clear();
          room.noteSelection();
          showToast({ text: t('gallery.changed'), tone: 'alarm' });
        } else fail(error);
        return false;
      } finally {
        refreshCounts();
      }
      return true;
    },
    async toggleFavourite(id, favourite) {
      room.change(id, { favourite });
      try {
        await markFavourite(id, favourite);
      } catch (error) {
        room.change(id, { favourite: !favourite });
        fail(error);
      }
      refreshCounts();
    },
  };
}
