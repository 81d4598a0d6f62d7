// A picture, large: neighbours by arrow keys, its own address (?view=), closed by Esc or Back with focus where it was.
import { useInfiniteQuery } from '@tanstack/react-query';
import { getRouteApi, useCanGoBack, useRouter } from '@tanstack/react-router';
import { type KeyboardEvent, useEffect, useRef } from 'react';
import type { Task, TaskImage } from '../api/resources.ts';
import { CopyButton } from '../ui/CopyButton.tsx';
import { Icon } from '../ui/Icon.tsx';
import { useText } from '../ui/language.ts';
import { picturesOf } from './model.ts';
import { allTasks, tasksQuery } from './queries.ts';
import { thumbhashBackground } from './thumbhash-url.ts';

const studioRoute = getRouteApi('/shell/');

interface Slide {
  task: Task;
  image: TaskImage;
}

function Bar({ slide, position, onClose }: { slide: Slide; position: string; onClose(): void }) {
  const { t } = useText();
  const { image } = slide;
  return (
    <div className="flex items-center gap-1 p-2">
      <p className="figures px-2 text-sm">{position}</p>
      <div className="ml-auto flex items-center">
        <CopyButton text={image.url} icon="link" className="button button-quiet text-white hover:bg-white/15">
          <span className="max-sm:sr-only">{t('task.copyLink')}</span>
        </CopyButton>
        <a className="button button-quiet text-white hover:bg-white/15" href={image.download_url} download="">
          <Icon name="download" />
          <span className="max-sm:sr-only">{t('task.download')}</span>
        </a>
        <button
          type="button"
          className="button button-quiet button-icon text-white hover:bg-white/15"
          aria-label={t('app.close')}
          onClick={onClose}
        >
          <Icon name="close" />
        </button>
      </div>
    </div>
  );
}

function Stage({
  slide,
  step,
  hasPrevious,
  hasNext,
}: {
  slide: Slide;
  step(by: number): void;
  hasPrevious: boolean;
  hasNext: boolean;
}) {
  const { t } = useText();
  const { image, task } = slide;
  const background = thumbhashBackground(image.thumbhash);
  const arrow =
    'button button-quiet button-icon absolute top-1/2 z-1 -translate-y-1/2 bg-veil text-white hover:bg-veil';
  return (
    <div className="relative flex min-h-0 grow items-center justify-center px-2 sm:px-16">
      {hasPrevious && (
        <button
          type="button"
          className={`${arrow} left-2`}
          aria-label={t('lightbox.previous')}
          onClick={() => step(-1)}
        >
          <Icon name="left" />
        </button>
      )}
      <img
        key={image.id}
        src={image.url}
        width={image.width}
        height={image.height}
        alt={task.prompt}
        className="size-auto max-h-full max-w-full bg-cover bg-center"
        style={background ? { backgroundImage: background } : {}}
      />
      {hasNext && (
        <button
          type="button"
          className={`${arrow} right-2`}
          aria-label={t('lightbox.next')}
          onClick={() => step(1)}
        >
          <Icon name="right" />
        </button>
      )}
    </div>
  );
}

/** Shows the picture with the id `view`, or nothing. */
export function Lightbox({ view }: { view: string | null }) {
  const { t } = useText();
  const router = useRouter();
  const navigate = studioRoute.useNavigate();
  const canGoBack = useCanGoBack();
  const dialog = useRef<HTMLDialogElement>(null);
  const { data } = useInfiniteQuery(tasksQuery);
  const slides = allTasks(data).flatMap((task) => picturesOf(task).map((image): Slide => ({ task, image })));
  const at = slides.findIndex((entry) => entry.image.id === view);
  const slide = slides[at];
  const shown = slide !== undefined;

  const lastShown = useRef<string | null>(null);
  if (view) lastShown.current = view;
  useEffect(() => {
    if (shown) dialog.current?.showModal();
    else if (dialog.current?.open) {
      dialog.current.close();
      document.querySelector<HTMLElement>(`[data-image="${CSS.escape(lastShown.current ?? '')}"]`)?.focus();
    }
  }, [shown]);

  const close = () => {
    if (canGoBack) router.history.back();
    else void navigate({ search: {}, replace: true, resetScroll: false });
  };
  const step = (by: number) => {
    const next = slides[at + by];
    if (next) void navigate({ search: { view: next.image.id }, replace: true, resetScroll: false });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === 'ArrowLeft') step(-1);
    else if (event.key === 'ArrowRight') step(1);
    else return;
    event.preventDefault();
  };

  return (
    <dialog
      ref={dialog}
      aria-label={t('lightbox.label')}
      className="m-0 size-full max-h-none max-w-none bg-veil text-white"
      onKeyDown={onKeyDown}
      onCancel={(event) => {
        event.preventDefault();
        close();
      }}
    >
      {slide && (
        <div className="flex h-full flex-col">
          <Bar
            slide={slide}
            position={t('lightbox.position', { n: at + 1, count: slides.length })}
            onClose={close}
          />
          <Stage slide={slide} step={step} hasPrevious={at > 0} hasNext={at < slides.length - 1} />
          <p className="mx-auto line-clamp-3 max-w-3xl shrink-0 p-4 text-center text-sm">
            {slide.task.prompt}
          </p>
        </div>
      )}
    </dialog>
  );
}
