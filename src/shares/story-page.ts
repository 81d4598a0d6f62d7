// The pages of a shared story as HTML: one document for each page, its choices as plain links, and a list of all pages. Whole without
// a script; every text of the story is escaped, and prompts are there only where the owner shows them.
import type { SharePageTexts } from '../kernel/messages/shares-en.ts';
import {
  clip,
  escapeHtml,
  fill,
  imageHead,
  type Page,
  type PagePicture,
  type PagePlace,
  type PageShare,
  pictureFrame,
  promptBlock,
  shareUrl,
  textsOf,
  wholePage,
} from './page.ts';
import type { SharedBook, SharedLeaf } from './shared-tree.ts';
import { STORY_STYLE } from './story-page-style.ts';

const MAX_DESCRIPTION_CHARS = 200;
const MAX_ALT_CHARS = 500;
/** In the list of all pages; one document stays small whatever the choices are. */
const MAX_ENTRY_CHARS = 80;
/** How far the list steps to the right. */
const MOST_LANES = 6;
const ALL_PAGES = 'all';

export interface StoryPageParts {
  book: SharedBook;
  share: PageShare;
  place: PagePlace;
  /** The place of a page, from 1, or `all`; anything else is the first page. */
  wanted: string | undefined;
}

/** The page that an address asks for. */
export function storyPage(parts: StoryPageParts): Page {
  if (parts.wanted === ALL_PAGES) return contentsPage(parts);
  const { leaves } = parts.book;
  const leaf = leaves.find(({ place }) => String(place) === parts.wanted) ?? leaves[0];
  return leaf ? leafPage(parts, leaf) : contentsPage(parts);
}

const titleOf = ({ book, share }: StoryPageParts) => (share.title === '' ? book.title : share.title);

/** The address of a page. The first one's own is that of the link; from within the story it says that it is no new visit. */
function leafUrl(url: string, slug: string, place: number | typeof ALL_PAGES): string {
  return `${shareUrl(url, slug)}?page=${place}`;
}

function leafPage(parts: StoryPageParts, leaf: SharedLeaf): Page {
  const { book, share, place } = parts;
  const texts = textsOf(place.language);
  const isFirst = leaf.before === null;
  const picture = pictureOf(share, leaf);
  const title = isFirst ? titleOf(parts) : leaf.title || titleOf(parts);
  const paragraphs = leaf.text
    .split(/\n\s*\n/)
    .map((paragraph) => paragraph.trim())
    .filter((paragraph) => paragraph !== '')
    .map((paragraph) => `<p>${escapeHtml(paragraph)}</p>`);
  const figure = picture ? `<figure>${frameOf(parts, leaf, picture, texts)}</figure>` : '';
  const choice = leaf.choice === null ? '' : `<p class="choice">${escapeHtml(leaf.choice)}</p>`;
  const prompt = picture?.prompt ? promptBlock(picture.prompt, picture, place) : '';
  const body = `${topOf(parts, isFirst ? null : leaf, texts)}
<main class="leaf"><article lang="${book.lang}">${figure}<div class="words">${choice}<h1>${escapeHtml(title)}</h1>
<div class="text">${paragraphs.join('\n')}</div></div></article>
<div class="after">${waysOf(parts, leaf, texts)}${turningOf(parts, leaf, texts)}${prompt}</div></main>`;
  return wholePage({ place, head: headOf(parts, leaf, picture, texts), body, share, rules: STORY_STYLE });
}

function pictureOf({ pictures }: PageShare, leaf: SharedLeaf): PagePicture | null {
  return pictures.find(({ n }) => n === leaf.picture?.position) ?? null;
}

function altOf({ altText, number }: SharedLeaf, texts: SharePageTexts): string {
  const alt = clip(altText, MAX_ALT_CHARS);
  return alt === '' ? fill(texts.storyPicture, { number }) : alt;
}

function frameOf(
  { share, place }: StoryPageParts,
  leaf: SharedLeaf,
  picture: PagePicture,
  texts: SharePageTexts,
): string {
  return pictureFrame(picture, place, {
    alt: altOf(leaf, texts),
    title: fill(texts.storyPicture, { number: leaf.number }),
    allowDownload: share.allowDownload,
    sizes: '(max-width:60rem) 100vw, 44rem',
    hurry: 'first',
  });
}

/** Where in the book this is: its title, unless that is the heading, and the way to all pages. */
function topOf(parts: StoryPageParts, leaf: SharedLeaf | null, texts: SharePageTexts): string {
  const { place, book } = parts;
  const first = escapeHtml(leafUrl(place.ownUrl, place.slug, 1));
  const name = leaf
    ? `<a class="link" href="${first}" lang="${book.lang}">${escapeHtml(titleOf(parts))}</a>`
    : '';
  const all = escapeHtml(leafUrl(place.ownUrl, place.slug, ALL_PAGES));
  const contents = book.leaves.length > 1 ? `<a class="link" href="${all}">${texts.storyContents}</a>` : '';
  return `<header class="top">${name}${contents}</header>`;
}

function waysOf(
  { book, place }: StoryPageParts,
  { ways, isLast }: SharedLeaf,
  texts: SharePageTexts,
): string {
  if (ways.length === 0)
    return isLast ? `<p class="end">${texts.storyEnd}</p>` : `<p class="soft end">${texts.storyOpenEnd}</p>`;
  const links = ways.map(
    (way) =>
      `<li><a href="${escapeHtml(leafUrl(place.ownUrl, place.slug, way.place))}" lang="${book.lang}">${escapeHtml(way.text)}</a></li>`,
  );
  return `<nav aria-labelledby="ways"><h2 id="ways">${texts.storyWays}</h2><ol class="ways">${links.join('\n')}</ol></nav>`;
}

function turningOf({ place, book }: StoryPageParts, leaf: SharedLeaf, texts: SharePageTexts): string {
  const link = (to: number, name: string, rel: string) =>
    `<a class="link" rel="${rel}" href="${escapeHtml(leafUrl(place.ownUrl, place.slug, to))}">${name}</a>`;
  const back = leaf.before === null ? '' : link(leaf.before, `← ${texts.storyBack}`, 'prev');
  const start = leaf.ways.length === 0 && leaf.before !== null ? link(1, texts.storyStart, 'start') : '';
  const demo = book.byDemoWriter && leaf.before === null ? `<p class="soft demo">${texts.storyDemo}</p>` : '';
  return `${back || start ? `<p class="turning">${back}${start}</p>` : ''}${demo}`;
}

/** All pages, each under the one before it; only forks step aside. */
function contentsPage(parts: StoryPageParts): Page {
  const { book, share, place } = parts;
  const texts = textsOf(place.language);
  const entries: string[] = [];
  const add = (leaf: SharedLeaf, lane: number) => {
    const name = clip(leaf.choice ?? titleOf(parts), MAX_ENTRY_CHARS);
    const end = leaf.ways.length === 0 && leaf.isLast ? ` · ${texts.storyEnd}` : '';
    const url = escapeHtml(leafUrl(place.ownUrl, place.slug, leaf.place));
    entries.push(
      `<li class="l${Math.min(lane, MOST_LANES)}"><a href="${url}"><span lang="${book.lang}">${escapeHtml(name)}</span><small>${fill(texts.storyPage, { number: leaf.number })}${end}</small></a></li>`,
    );
    const next = leaf.ways.length > 1 ? lane + 1 : lane;
    for (const way of leaf.ways) {
      const child = book.leaves[way.place - 1];
      if (child) add(child, next);
    }
  };
  const [first] = book.leaves;
  if (first) add(first, 0);
  const body = `<main class="contents"><h1 lang="${book.lang}">${escapeHtml(titleOf(parts))}</h1><h2>${texts.storyContents}</h2>
<ul>${entries.join('\n')}</ul></main>`;
  const head = headOf(parts, first ?? null, first ? pictureOf(share, first) : null, texts);
  return wholePage({ place, head, body, share, rules: STORY_STYLE });
}

/** What chat programs and social networks read: only what the page itself shows. */
function headOf(
  parts: StoryPageParts,
  leaf: SharedLeaf | null,
  picture: PagePicture | null,
  texts: SharePageTexts,
): string {
  const { book, place } = parts;
  const { baseUrl, slug, language } = place;
  const title = escapeHtml(titleOf(parts));
  const pageTitle = leaf && leaf.before !== null ? `${leaf.number} · ${title}` : title;
  const endings = book.leaves.filter(({ ways, isLast }) => ways.length === 0 && isLast).length;
  const about =
    endings > 1 ? fill(texts.storyDescription, { pages: book.leaves.length, endings }) : texts.storyPath;
  const description = escapeHtml(clip(leaf?.text ?? '', MAX_DESCRIPTION_CHARS) || about);
  const isFirst = leaf === null || leaf.before === null;
  const url = escapeHtml(isFirst ? shareUrl(baseUrl, slug) : leafUrl(baseUrl, slug, leaf.place));
  const embed = escapeHtml(`${baseUrl}/s/oembed?${new URLSearchParams({ url: shareUrl(baseUrl, slug) })}`);
  return `<title>${pageTitle}</title>
<meta name="description" content="${description}">
<link rel="canonical" href="${url}">
<link rel="alternate" type="application/json+oembed" href="${embed}" title="${title}">
<meta property="og:type" content="article">
<meta property="og:site_name" content="Drawbridge">
<meta property="og:locale" content="${language === 'zh' ? 'zh_CN' : 'en_US'}">
<meta property="og:title" content="${title}">
<meta property="og:description" content="${isFirst ? escapeHtml(about) : description}">
<meta property="og:url" content="${url}">
${leaf && picture ? imageHead(picture, altOf(leaf, texts), place) : ''}
<meta name="twitter:title" content="${title}">
<meta name="twitter:description" content="${isFirst ? escapeHtml(about) : description}">`;
}
