// The finished pictures of a task, in frames that had their shape before the bytes arrived.
import type { Task, TaskImage } from '../api/resources.ts';
import { cssVariables } from '../ui/css-variables.ts';
import { Icon } from '../ui/Icon.tsx';
import { useText } from '../ui/language.ts';
import { picturesOf, ratioOf } from './model.ts';
import { useStudio } from './studio-context.ts';
import { thumbhashBackground } from './thumbhash-url.ts';

/** The long side of the server's thumbnails. */
const THUMB_SIDE_PX = 512;

function sources(image: TaskImage): string | undefined {
  if (!image.thumb_url) return undefined;
  const shrunk = Math.min(1, THUMB_SIDE_PX / Math.max(image.width, image.height));
  return `${image.thumb_url} ${Math.round(image.width * shrunk)}w, ${image.url} ${image.width}w`;
}

interface PictureProps {
  task: Task;
  image: TaskImage;
  n: number;
  count: number;
  ratio: number;
}

function Picture({ task, image, n, count, ratio }: PictureProps) {
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
        />
      </button>
      {count > 1 && (
        <a
          className="button button-quiet button-icon absolute right-2 bottom-2 bg-sheet"
          href={image.download_url}
          download=""
          aria-label={`${t('task.download')} ${n}`}
        >
          <Icon name="download" />
        </a>
      )}
    </div>
  );
}

export function Pictures({ task }: { task: Task }) {
  const images = picturesOf(task);
  const ratio = ratioOf(task);
  const count = images.length;
  return (
    <div className={count === 1 ? 'pictures-1' : 'pictures-many'} style={cssVariables({ '--ratio': ratio })}>
      <div className={count === 1 ? '' : 'grid grid-cols-2 gap-3'}>
        {images.map((image, index) => (
          <Picture key={image.id} task={task} image={image} n={index + 1} count={count} ratio={ratio} />
        ))}
      </div>
    </div>
  );
}
