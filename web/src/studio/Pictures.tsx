// The finished pictures of a task, in frames that had their shape before the bytes arrived: each can be opened, dragged into a
// slot, and, where there are several, has its own menu. HD variants stand as a note on the picture they were made from.
import type { Task, TaskImage } from '../api/resources.ts';
import { cssVariables } from '../ui/css-variables.ts';
import { Icon } from '../ui/Icon.tsx';
import { useText } from '../ui/language.ts';
import { Menu } from '../ui/Menu.tsx';
import { carryPicture } from './given-pictures.ts';
import { isActive, picturesOf, ratioOf } from './model.ts';
import type { PictureActions } from './picture-actions.ts';
import { useStudio } from './studio-context.ts';
import { thumbhashBackground } from './thumbhash-url.ts';
import { stateName } from './UnderWay.tsx';

/** The long side of the server's thumbnails. */
const THUMB_SIDE_PX = 512;

function sources(image: TaskImage): string | undefined {
  if (!image.thumb_url) return undefined;
  const shrunk = Math.min(1, THUMB_SIDE_PX / Math.max(image.width, image.height));
  return `${image.thumb_url} ${Math.round(image.width * shrunk)}w, ${image.url} ${image.width}w`;
}

/** The newest HD variant: how far it is, or the way to it. */
function Variant({ task }: { task: Task }) {
  const text = useText();
  const { t } = text;
  const { openPicture } = useStudio();
  const look = 'note-on-picture top-2 left-2';
  const [made] = picturesOf(task);
  if (isActive(task))
    return (
      <p className={`${look} figures`}>
        {t('task.hd')} · {stateName(task, text)}
      </p>
    );
  if (!made)
    return task.status === 'failed' ? (
      <p className={`${look} text-alarm`}>{t('task.hd.failed', { reason: task.error?.title ?? '' })}</p>
    ) : null;
  return (
    <button type="button" className={look} onClick={() => openPicture(made.id)}>
      <span className="sr-only">{t('task.hd.open')}</span>
      <Icon name="hd" className="size-4.5" />
      {made.width} × {made.height}
    </button>
  );
}

/** Why a picture is there that was not asked for, or came when nobody expected it any more. */
function Mark({ image }: { image: TaskImage }) {
  const { t } = useText();
  if (!image.extra && !image.late) return null;
  return (
    <p className="note-on-picture bottom-2 left-2" title={t(image.late ? 'task.late.why' : 'task.extra.why')}>
      {t(image.late ? 'task.late' : 'task.extra')}
    </p>
  );
}

interface PictureProps {
  task: Task;
  image: TaskImage;
  n: number;
  count: number;
  ratio: number;
  variant: Task | undefined;
  actions: PictureActions;
}

function Picture({ task, image, n, count, ratio, variant, actions }: PictureProps) {
  const { t } = useText();
  const { openPicture } = useStudio();
  const background = thumbhashBackground(image.thumbhash);
  return (
    <div className="relative" style={cssVariables({ '--ratio': ratio })}>
      <button
        type="button"
        className="picture-frame block w-full cursor-zoom-in"
        aria-label={t('task.open', { n })}
        data-image={image.id}
        style={background ? { backgroundImage: background } : {}}
        onClick={() => openPicture(image.id)}
      >
        <img
          src={image.thumb_url ?? image.url}
          srcSet={sources(image)}
          sizes={count === 1 ? '(min-width: 60rem) 40rem, 100vw' : '(min-width: 60rem) 22rem, 50vw'}
          width={image.width}
          height={image.height}
          alt={t('task.picture', { n, count, prompt: task.prompt })}
          loading="lazy"
          decoding="async"
          draggable
          onDragStart={(event) =>
            event.dataTransfer &&
            carryPicture(event.dataTransfer, {
              id: image.id,
              url: image.thumb_url ?? image.url,
              width: image.width,
              height: image.height,
            })
          }
        />
      </button>
      {variant && <Variant task={variant} />}
      <Mark image={image} />
      {count > 1 && (
        <div className="absolute right-2 bottom-2">
          <Menu
            name={t('task.actions', { n })}
            label={<Icon name="more" />}
            items={actions.items(image)}
            className="button button-icon"
          />
        </div>
      )}
    </div>
  );
}

interface PicturesProps {
  task: Task;
  /** The newest HD variant of a picture. */
  variantOf(image: TaskImage): Task | undefined;
  actions: PictureActions;
}

export function Pictures({ task, variantOf, actions }: PicturesProps) {
  const images = picturesOf(task);
  const ratio = ratioOf(task);
  const count = images.length;
  return (
    <div className={count === 1 ? 'pictures-1' : 'pictures-many'} style={cssVariables({ '--ratio': ratio })}>
      <div className={count === 1 ? '' : 'grid grid-cols-2 gap-3'}>
        {images.map((image, index) => (
          <Picture
            key={image.id}
            task={task}
            image={image}
            n={index + 1}
            count={count}
            ratio={ratio}
            variant={variantOf(image)}
            actions={actions}
          />
        ))}
      </div>
    </div>
  );
}
