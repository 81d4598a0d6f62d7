// The Studio's large view: neighbours are the pictures of the feed, newest task first. A picture that the feed has not loaded
// (an old link) is shown as well, with everything that can be done with it. What changes the composer closes the view first.
import { useInfiniteQuery, useQuery, useQueryClient } from '@tanstack/react-query';
import { lazy, Suspense, useState } from 'react';
import { problemOf } from '../api/problem.ts';
import type { ImageDetail, Task, TaskImage } from '../api/resources.ts';
import { InfoPanel } from '../lightbox/InfoPanel.tsx';
import { imageQuery, toggleFavourite } from '../lightbox/image-query.ts';
import { Lightbox } from '../lightbox/Lightbox.tsx';
import { LightboxTools } from '../lightbox/LightboxTools.tsx';
import { lightboxTexts } from '../lightbox/lightbox-text.ts';
import { Damaged, Gone } from '../lightbox/notices.tsx';
import { useInfoOpen } from '../lightbox/use-info-open.ts';
import { describeProblem } from '../ui/ProblemNote.tsx';
import type { Shortcut } from '../ui/shortcuts.ts';
import { showToast } from '../ui/toast.tsx';
import { picturesOf } from './model.ts';
import { usePictureActions } from './picture-actions.ts';
import { allTasks, tasksQuery } from './queries.ts';
import { type RepeatedPicture, readRepeatable, repeatedOf } from './repeat-picture.ts';

const ShareDialog = lazy(() =>
  import('../share/ShareDialog.tsx').then(({ ShareDialog }) => ({ default: ShareDialog })),
);
/** Neighbours on each side whose files are fetched before they are asked for. */
const PRELOAD = 2;

interface Slide {
  task: Task;
  image: TaskImage;
}

export interface StudioLightboxProps {
  /** The picture's id. */
  view: string;
  onShow(imageId: string): void;
  /** Closes, and then does what needs the room. */
  onClose(then?: () => void): void;
}

/** What made the picture: its task where that is at hand, else what the server says. */
function useRepeated(view: string, slide: Slide | undefined): RepeatedPicture | undefined {
  const isAtHand = slide !== undefined && slide.image.kind === 'final';
  const asked = useQuery({
    queryKey: ['repeatable', view],
    queryFn: ({ client }) => readRepeatable(client, view),
    enabled: !isAtHand,
  });
  if (isAtHand) return slide.task;
  return asked.data && repeatedOf(asked.data);
}

interface ToolsProps extends StudioLightboxProps {
  image: ImageDetail;
  repeated: RepeatedPicture;
  infoOpen: boolean;
  onInfo(): void;
  onShare(): void;
  /** The picture to go on with when this one is deleted. */
  next: string | undefined;
}

function Tools(props: ToolsProps) {
  const { image, repeated, infoOpen, onInfo, onShare, onShow, onClose, next } = props;
  const text = lightboxTexts.useText();
  const { t } = text;
  const client = useQueryClient();
  const actions = usePictureActions(repeated, onShare);
  const isTrash = image.trashed_at !== null;
  const remove = () => {
    actions.remove(image);
    if (next === undefined) onClose();
    else onShow(next);
  };
  const favourite = {
    isOn: image.favourite,
    toggle: () =>
      void toggleFavourite(client, image.id, !image.favourite).catch((error: unknown) =>
        showToast({ text: describeProblem(problemOf(error), text).title, tone: 'alarm' }),
      ),
  };
  const items = actions.items(image).map((item) => {
    if (item.isDanger) return { ...item, run: remove };
    return item.leaves ? { ...item, run: () => onClose(item.run) } : item;
  });
  const shortcuts: Shortcut[] = [
    { keys: 'p', label: t('task.usePrompt'), run: () => onClose(actions.usePrompt) },
    { keys: 'r', label: t('task.useAll'), run: () => onClose(() => actions.useAll(image)) },
    { keys: 's', label: t('task.share'), run: onShare },
    { keys: 'Delete', label: t('task.delete'), run: remove },
  ];
  return (
    <LightboxTools
      url={image.url}
      downloadUrl={image.download_url}
      favourite={isTrash ? null : favourite}
      infoOpen={infoOpen}
      onInfo={onInfo}
      items={isTrash ? [] : items}
      shortcuts={isTrash ? [] : shortcuts}
    />
  );
}

export function StudioLightbox(props: StudioLightboxProps) {
  const { view, onShow, onClose } = props;
  const { t } = lightboxTexts.useText();
  const client = useQueryClient();
  const { data } = useInfiniteQuery(tasksQuery);
  const slides = allTasks(data).flatMap((task) => picturesOf(task).map((image): Slide => ({ task, image })));
  const at = slides.findIndex(({ image }) => image.id === view);
  const slide = slides[at];
  const own = useQuery(imageQuery(view));
  const repeated = useRepeated(view, slide);
  const [infoOpen, toggleInfo] = useInfoOpen();
  const [brokenId, setBrokenId] = useState('');
  const [isSharing, setSharing] = useState(false);

  const image = own.data;
  const shown = slide?.image ?? image;
  const neighbour = (by: number) => (at < 0 ? undefined : slides[at + by]?.image);
  const near = Array.from({ length: PRELOAD }, (_, n) => [n + 1, -n - 1]).flat();
  const step = (by: number) => {
    const next = neighbour(by);
    if (next) onShow(next.id);
  };
  const picture = shown && {
    ...shown,
    thumb_url: image?.damage ? null : shown.thumb_url,
    alt: slide?.task.prompt ?? image?.prompt ?? '',
  };
  const notice =
    !shown && own.isError ? (
      <Gone error={own.error} />
    ) : image && (image.damage || brokenId === view) ? (
      <Damaged
        row={image}
        onRepaired={() => {
          setBrokenId('');
          void client.invalidateQueries({ queryKey: ['image', view] });
        }}
      />
    ) : undefined;
  return (
    <>
      <Lightbox
        picture={picture ?? null}
        notice={notice}
        position={at < 0 ? '' : t('lightbox.position', { n: at + 1, count: slides.length })}
        hasPrevious={neighbour(-1) !== undefined}
        hasNext={neighbour(1) !== undefined}
        preload={near.flatMap((by) => neighbour(by)?.url ?? [])}
        actions={
          image &&
          repeated && (
            <Tools
              {...props}
              image={image}
              repeated={repeated}
              infoOpen={infoOpen}
              onInfo={toggleInfo}
              onShare={() => setSharing(true)}
              next={(neighbour(1) ?? neighbour(-1))?.id}
            />
          )
        }
        panel={image && infoOpen && <InfoPanel row={image} onShow={onShow} />}
        onStep={step}
        onClose={() => onClose()}
        onBroken={() => setBrokenId(view)}
      />
      {isSharing && (
        <Suspense fallback={null}>
          <ShareDialog imageIds={[view]} onClose={() => setSharing(false)} />
        </Suspense>
      )}
    </>
  );
}
