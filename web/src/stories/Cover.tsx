// The cover of a story: the picture of its first page, or a quiet ground with a mark until there is one.
import { thumbhashBackground } from '../studio/thumbhash-url.ts';
import { Icon } from '../ui/Icon.tsx';
import type { StoryHead } from './story-api.ts';

export function Cover({ story, className = '' }: { story: Pick<StoryHead, 'cover'>; className?: string }) {
  const { cover } = story;
  return (
    <div
      className={`flex items-center justify-center overflow-hidden bg-mat bg-cover bg-center ${className}`}
      style={{ backgroundImage: thumbhashBackground(cover?.thumbhash ?? null) ?? undefined }}
    >
      {cover ? (
        // The story's title stands beside it; its own words are read with the page.
        <img
          src={cover.thumb_url}
          alt=""
          loading="lazy"
          decoding="async"
          className="size-full object-cover"
        />
      ) : (
        <Icon name="story" className="size-9 text-soft" />
      )}
    </div>
  );
}
