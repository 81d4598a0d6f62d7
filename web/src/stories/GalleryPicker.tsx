// Choosing one picture of the gallery: the newest first, narrowed by the words of their prompts.
import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { call } from '../api/client.ts';
import { problemOf } from '../api/problem.ts';
import type { Image } from '../api/resources.ts';
import { thumbhashBackground } from '../studio/thumbhash-url.ts';
import { Dialog } from '../ui/Dialog.tsx';
import { ProblemNote } from '../ui/ProblemNote.tsx';
import { storyTexts } from './story-text.ts';

const PAGE_SIZE = 48;
const TYPING_PAUSE_MS = 300;

interface GalleryPickerProps {
  onChoose(image: Image): void;
  onClose(): void;
}

function usePictures(words: string) {
  return useInfiniteQuery({
    queryKey: ['story-gallery', words],
    queryFn: ({ pageParam, signal }) => {
      const query = new URLSearchParams({
        limit: String(PAGE_SIZE),
        ...(words === '' ? {} : { q: words }),
        ...(pageParam === null ? {} : { cursor: pageParam }),
      });
      return call<{ data: Image[]; next_cursor: string | null }>('GET', `v1/images?${query}`, { signal });
    },
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
    placeholderData: keepPreviousData,
  });
}

function Choice({ image, onChoose }: { image: Image; onChoose(): void }) {
  return (
    <button type="button" className="picker-choice" title={image.prompt} onClick={onChoose}>
      <img
        src={image.thumb_url}
        alt={image.prompt}
        loading="lazy"
        decoding="async"
        className="size-full object-cover"
        style={{ backgroundImage: thumbhashBackground(image.thumbhash) ?? undefined }}
      />
    </button>
  );
}

export function GalleryPicker({ onChoose, onClose }: GalleryPickerProps) {
  const { t } = storyTexts.useText();
  const [typed, setTyped] = useState('');
  const [words, setWords] = useState('');
  useEffect(() => {
    const timer = setTimeout(() => setWords(typed.trim()), TYPING_PAUSE_MS);
    return () => clearTimeout(timer);
  }, [typed]);
  const { data, error, refetch, hasNextPage, isFetchingNextPage, fetchNextPage } = usePictures(words);
  const images = data?.pages.flatMap((page) => page.data) ?? [];
  return (
    <Dialog title={t('picker.title')} onClose={onClose} shape="wide">
      <input
        type="search"
        className="field shrink-0"
        aria-label={t('picker.search')}
        placeholder={t('picker.search')}
        value={typed}
        onInput={(event) => setTyped(event.currentTarget.value)}
      />
      {error && (
        <ProblemNote problem={problemOf(error)}>
          <button type="button" className="button" onClick={() => void refetch()}>
            {t('app.retry')}
          </button>
        </ProblemNote>
      )}
      {data && images.length === 0 && (
        <p className="py-8 text-center text-soft">{t(words === '' ? 'picker.empty' : 'picker.nothing')}</p>
      )}
      <ul className="grid grid-cols-3 gap-2 sm:grid-cols-5 lg:grid-cols-6">
        {images.map((image) => (
          <li key={image.id}>
            <Choice image={image} onChoose={() => onChoose(image)} />
          </li>
        ))}
      </ul>
      {hasNextPage && (
        <button
          type="button"
          className="button self-center"
          aria-disabled={isFetchingNextPage}
          onClick={() => void fetchNextPage()}
        >
          {t('picker.more')}
        </button>
      )}
    </Dialog>
  );
}
