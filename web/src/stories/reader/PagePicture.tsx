// The picture of a page in a frame that has its shape from the start: what it will be like, how far it is, the picture, or why
// there is none. A picture that is painted anew stays until the new one is there.
import { thumbhashBackground } from '../../studio/thumbhash-url.ts';
import { Bridge } from '../../ui/Bridge.tsx';
import { cssVariables } from '../../ui/css-variables.ts';
import { isUnderWay, type Story, type StoryPage } from '../story-api.ts';
import type { ReaderText } from './reader-text.ts';
import { StepTrouble } from './StepTrouble.tsx';
import { ratioOf } from './story-tree.ts';

/** The long side of the server's thumbnails. */
const THUMB_SIDE_PX = 512;

interface PagePictureProps {
  story: Story;
  page: StoryPage;
  text: ReaderText;
  /** Of the story. */
  lang: string;
  /** The button that asks for the picture (again). */
  retry: { label: string; run(): Promise<void> };
  /** Asks what to make again: the way out where the same picture would be refused again. */
  onRemake(): void;
}

function percentOf(progress: number | null): number | null {
  return progress === null ? null : Math.round(progress * 100);
}

/** What is going on, in a few words. */
function stateOf({ picture, writing }: StoryPage, { t }: ReaderText): string {
  const percent = percentOf(picture.progress);
  if (picture.status === 'running')
    return percent === null ? t('reader.picture.running') : t('reader.picture.percent', { percent });
  if (picture.status === 'queued') return t('reader.picture.queued');
  if (picture.status === 'waiting') return t('reader.picture.waiting');
  return isUnderWay(writing) ? t('reader.picture.afterText') : t('reader.picture.none');
}

function Painted({ page, text, lang }: Pick<PagePictureProps, 'page' | 'text' | 'lang'>) {
  const { image } = page.picture;
  if (!image) return null;
  const shrunk = Math.min(1, THUMB_SIDE_PX / Math.max(image.width, image.height));
  const background = thumbhashBackground(image.thumbhash);
  const alt = page.alt_text === '' ? text.t('reader.picture.alt', { page: page.number }) : page.alt_text;
  return (
    <div
      className="picture-frame"
      style={{
        ...cssVariables({ '--ratio': image.width / image.height }),
        ...(background ? { backgroundImage: background } : {}),
      }}
    >
      <img
        key={image.id}
        src={image.url}
        srcSet={
          image.thumb_url
            ? `${image.thumb_url} ${Math.round(image.width * shrunk)}w, ${image.url} ${image.width}w`
            : undefined
        }
        sizes="(min-width: 60rem) 44rem, 100vw"
        width={image.width}
        height={image.height}
        alt={alt}
        lang={page.alt_text === '' ? undefined : lang}
        decoding="async"
        data-image={image.id}
      />
    </div>
  );
}

/** The place of a picture that is not there. */
function Empty({ story, page, text, retry }: PagePictureProps) {
  const { picture, writing } = page;
  const isComing = isUnderWay(picture) || isUnderWay(writing);
  const isAskable = !isComing && page.text !== '';
  return (
    <div
      className="picture-frame leaf-empty"
      style={cssVariables({ '--ratio': ratioOf(story) })}
      data-picture-state={picture.status}
    >
      {picture.preview_url && <img src={picture.preview_url} alt="" />}
      <div className="leaf-empty-words">
        {isComing && (
          <Bridge progress={picture.status === 'running' ? picture.progress : null} className="w-24" />
        )}
        <p className="figures">{stateOf(page, text)}</p>
        {isAskable && (
          <button type="button" className="button" onClick={() => void retry.run()}>
            {retry.label}
          </button>
        )}
      </div>
    </div>
  );
}

export function PagePicture(props: PagePictureProps) {
  const { page, text, retry } = props;
  const { picture } = page;
  const hasFailed = picture.status === 'failed' && picture.error !== null;
  // A task that waits is asked again by itself; asking for it a second time would paint it twice.
  const isTaskWaiting = picture.status === 'waiting' && picture.task_id !== null;
  return (
    <div className="leaf-picture" lang={text.locale} aria-busy={isUnderWay(picture)}>
      {picture.image ? (
        <Painted page={page} text={text} lang={props.lang} />
      ) : (
        !hasFailed && <Empty {...props} />
      )}
      {picture.image && isUnderWay(picture) && (
        <p className="leaf-note figures" role="status">
          {text.t('reader.picture.again', { state: stateOf(page, text) })}
        </p>
      )}
      <StepTrouble step={picture} text={text} retry={isTaskWaiting ? null : retry}>
        {hasFailed && (
          <button type="button" className="button" onClick={props.onRemake}>
            {text.t('reader.remake')}
          </button>
        )}
      </StepTrouble>
    </div>
  );
}
