// The pages of share links as HTML: whole without a script, every text from outside escaped, and nothing in the head or the body
// that a visitor may not know. Builds strings only; who may see what is decided before.
import { createHash } from 'node:crypto';
import type { Language } from '../kernel/errors.ts';
import { type SharePageTexts, sharePageEn } from '../kernel/messages/shares-en.ts';
import { sharePageZh } from '../kernel/messages/shares-zh.ts';
import { PAGE_STYLE, shapeClass, shapeRules } from './page-style.ts';
import { hasNoBorder, previewSize } from './preview-size.ts';

const MAX_ALT_CHARS = 300;
const MAX_DESCRIPTION_CHARS = 200;
const MAX_PROMPT_CHARS = 4_000;
/** Under each of several pictures; one page stays small whatever the prompts are. */
const MAX_CAPTION_CHARS = 280;
/** Servers and proxies refuse longer addresses. */
const MAX_REMIX_CHARS = 7_000;
const THUMB_SIDE = 512;
/** Pictures that are likely in view when the page opens; the rest is loaded when it comes near. */
const EAGER_PICTURES = 3;
const ICON =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" width="24" height="24" aria-hidden="true"><rect width="32" height="32" rx="8" fill="#1c1c1c"/><path d="M5 25h22" stroke="#8a8a8a" stroke-width="2" stroke-linecap="round"/><path d="M8 21 13.5 9M24 21 18.5 9" stroke="#f6f6f6" stroke-width="3" stroke-linecap="round"/><circle cx="16" cy="15.5" r="2.4" fill="#f0b429"/></svg>';
const ICON_URL = `data:image/svg+xml,${encodeURIComponent(ICON)}`;

export interface PagePicture {
  n: number;
  width: number;
  height: number;
  hasThumb: boolean;
  /** Null where the owner hides it. */
  prompt: string | null;
  model: string;
}

export interface PageShare {
  title: string;
  pictures: readonly PagePicture[];
  allowDownload: boolean;
  expiresAt: number | null;
}

/** Where the page is. */
export interface PagePlace {
  language: Language;
  /** `https://host/prefix` without a trailing slash, for what other machines read. */
  baseUrl: string;
  /** The same, or only `/prefix` where the visitor came by another host: for what this page loads and links to. */
  ownUrl: string;
  slug: string;
}

export interface Page {
  html: string;
  /** For the Content-Security-Policy header. */
  policy: string;
}

export const textsOf = (language: Language): SharePageTexts =>
  language === 'zh' ? sharePageZh : sharePageEn;

/** Text that may stand in an element or in a quoted attribute; control characters, which no browser shows, are gone. */
export function escapeHtml(text: string): string {
  return (
    text
      .toWellFormed()
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is to be removed
      .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/g, '')
      .replaceAll('&', '&amp;')
      .replaceAll('<', '&lt;')
      .replaceAll('>', '&gt;')
      .replaceAll('"', '&quot;')
      .replaceAll("'", '&#39;')
  );
}

export function fill(template: string, values: Readonly<Record<string, string | number>>): string {
  return template.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

/** At most `limit` characters, cut between whole ones, in one line. */
export function clip(text: string, limit: number): string {
  const line = text.replace(/\s+/g, ' ').trim();
  const characters = [...line];
  return characters.length <= limit ? line : `${characters.slice(0, limit - 1).join('')}…`;
}

/** The heading of a share: its title, or what it is. */
export function titleOf({ title, pictures }: PageShare, texts: SharePageTexts): string {
  if (title !== '') return title;
  return pictures.length === 1 ? texts.oneTitle : fill(texts.manyTitle, { count: pictures.length });
}

/** The prompt that stands for the whole share: the one that all its pictures have. */
function commonPrompt({ pictures }: PageShare): string | null {
  const [first] = pictures;
  return first && pictures.every(({ prompt }) => prompt === first.prompt) ? first.prompt : null;
}

/** The page with the pictures. */
export function picturesPage(share: PageShare, place: PagePlace): Page {
  const texts = textsOf(place.language);
  const { pictures } = share;
  const prompt = commonPrompt(share);
  const isOne = pictures.length === 1;
  const figures = pictures.map((picture, index) => figure(share, picture, index, place, prompt === null));
  const body = `<header${isOne ? ' class="middle"' : ''}><h1>${escapeHtml(titleOf(share, texts))}</h1></header>
<main><div class="${isOne ? 'row one' : 'row'}">
${figures.join('\n')}
</div>${prompt === null || prompt === '' ? '' : promptBlock(prompt, pictures[0], place)}</main>`;
  return wholePage({ place, head: socialHead(share, place), body, share, rules: shapeRules(pictures) });
}

/** The page that asks for the password. `problem` says why it asks again. */
export function lockedPage(place: PagePlace, problem: string | null): Page {
  const texts = textsOf(place.language);
  const alarm =
    problem === null ? '' : `<p class="alarm" id="problem" role="alert">${escapeHtml(problem)}</p>`;
  const described = problem === null ? '' : ' aria-describedby="problem" aria-invalid="true"';
  const body = `<main class="note"><h1>${texts.lockedTitle}</h1><p class="soft">${texts.lockedLead}</p>
<form method="post" action="${escapeHtml(shareUrl(place.ownUrl, place.slug))}"><label for="password">${texts.password}</label>
<input id="password" name="password" type="password" required autofocus autocomplete="off" maxlength="200"${described}>${alarm}
<div><button class="button">${texts.submit}</button></div></form></main>`;
  const head = `<title>${texts.lockedTitle}</title>
<meta property="og:title" content="${texts.lockedTitle}">
<meta property="og:description" content="${texts.lockedDescription}">
<meta property="og:site_name" content="Drawbridge">`;
  return wholePage({ place, head, body });
}

/** The page of a link that shows nothing (any more). */
export function closedPage(place: PagePlace, why: 'expired' | 'gone'): Page {
  const texts = textsOf(place.language);
  const title = why === 'expired' ? texts.expiredTitle : texts.goneTitle;
  const lead = why === 'expired' ? texts.expiredLead : texts.goneLead;
  const body = `<main class="note"><h1>${title}</h1><p class="soft">${lead}</p></main>`;
  return wholePage({ place, head: `<title>${title}</title>`, body });
}

export const shareUrl = (baseUrl: string, slug: string) => `${baseUrl}/s/${slug}`;

export const pictureUrl = (baseUrl: string, slug: string, n: number, query = '') =>
  `${baseUrl}/s/${slug}/media/${n}${query === '' ? '' : `?${query}`}`;

/** The address of the Studio with this prompt written in; null when it is too long for one. */
function remixUrl(ownUrl: string, prompt: string, model: string): string | null {
  const query = new URLSearchParams({ prompt, ...(model === '' ? {} : { model }) });
  const url = `${ownUrl}/?${query}`;
  return url.length > MAX_REMIX_CHARS ? null : url;
}

function remixLink(
  prompt: string,
  model: string,
  { ownUrl, language }: PagePlace,
  className: string,
): string {
  const url = remixUrl(ownUrl, prompt.toWellFormed(), model);
  if (url === null) return '';
  return `<a class="${className}" href="${escapeHtml(url)}" rel="nofollow">${textsOf(language).again}</a>`;
}

/** The prompt with the way to make one like it. */
export function promptBlock(prompt: string, picture: PagePicture | undefined, place: PagePlace): string {
  const texts = textsOf(place.language);
  const shown = prompt.length > MAX_PROMPT_CHARS ? `${prompt.slice(0, MAX_PROMPT_CHARS)}…` : prompt;
  return `<section class="prompt"><h2>${texts.prompt}</h2><p>${escapeHtml(shown)}</p>${remixLink(prompt, picture?.model ?? '', place, 'button')}</section>`;
}

/** What readers hear instead of the picture. */
export function altOf(share: PageShare, picture: PagePicture, texts: SharePageTexts): string {
  const place = fill(texts.picture, { n: share.pictures.indexOf(picture) + 1, count: share.pictures.length });
  const what = clip(picture.prompt ?? share.title, MAX_ALT_CHARS);
  if (share.pictures.length === 1) return what === '' ? texts.onePicture : what;
  return what === '' ? place : `${place}: ${what}`;
}

interface FrameLook {
  alt: string;
  /** Of the link to the full size. */
  title: string;
  allowDownload: boolean;
  sizes: string;
  hurry: 'first' | 'eager' | 'lazy';
}

const HURRY = { first: ' fetchpriority="high"', eager: '', lazy: ' loading="lazy"' } as const;

/** A picture in the size that fits, linked to the full one where visitors may have that. */
export function pictureFrame(picture: PagePicture, place: PagePlace, look: FrameLook): string {
  const { n, width, height } = picture;
  const { allowDownload } = look;
  const url = (query: string) => escapeHtml(pictureUrl(place.ownUrl, place.slug, n, query));
  const size = previewSize(picture);
  // A bordered preview is for chat programs only; the picture itself is then small enough.
  const shown = hasNoBorder(size) || !allowDownload ? 'size=preview' : 'size=full';
  const box = shown === 'size=full' || hasNoBorder(size) ? { width, height } : size;
  const thumbWidth = Math.round(Math.min(1, THUMB_SIDE / Math.max(width, height)) * width);
  const hasChoice = picture.hasThumb && hasNoBorder(size) && thumbWidth < size.width;
  const choice = hasChoice
    ? ` srcset="${url('size=thumb')} ${thumbWidth}w, ${url(shown)} ${size.width}w" sizes="${look.sizes}"`
    : '';
  const image = `<img src="${url(shown)}"${choice} width="${box.width}" height="${box.height}" alt="${escapeHtml(look.alt)}"${HURRY[look.hurry]} decoding="async">`;
  return allowDownload
    ? `<a href="${url('size=full')}" title="${escapeHtml(look.title)}">${image}</a>`
    : `<span>${image}</span>`;
}

function figure(
  share: PageShare,
  picture: PagePicture,
  index: number,
  place: PagePlace,
  hasOwnCaption: boolean,
): string {
  const texts = textsOf(place.language);
  const isOne = share.pictures.length === 1;
  const frame = pictureFrame(picture, place, {
    alt: altOf(share, picture, texts),
    title: fill(texts.open, { n: index + 1 }),
    allowDownload: share.allowDownload,
    sizes: isOne ? '96vw' : '(max-width:30rem) 96vw, 24rem',
    hurry: index === 0 ? 'first' : index < EAGER_PICTURES ? 'eager' : 'lazy',
  });
  return `<figure class="${shapeClass(picture)}">${frame}${caption(share, picture, index, place, hasOwnCaption)}</figure>`;
}

function caption(
  share: PageShare,
  picture: PagePicture,
  index: number,
  place: PagePlace,
  hasOwnCaption: boolean,
): string {
  const texts = textsOf(place.language);
  const own = hasOwnCaption && picture.prompt !== null && picture.prompt !== '' ? picture.prompt : null;
  const words = own === null ? '' : `<p>${escapeHtml(clip(own, MAX_CAPTION_CHARS))}</p>`;
  const remix =
    own === null || own.length > MAX_CAPTION_CHARS ? '' : remixLink(own, picture.model, place, 'link');
  const url = escapeHtml(pictureUrl(place.ownUrl, place.slug, picture.n, 'size=full&download=1'));
  const name =
    share.pictures.length === 1 ? '' : ` aria-label="${fill(texts.downloadOne, { n: index + 1 })}"`;
  const download = share.allowDownload ? `<a class="link" href="${url}"${name}>${texts.download}</a>` : '';
  const content = `${words}${remix}${download}`;
  return content === '' ? '' : `<figcaption>${content}</figcaption>`;
}

/** What chat programs and social networks read: only what the page itself shows. */
function socialHead(share: PageShare, place: PagePlace): string {
  const texts = textsOf(place.language);
  const { baseUrl, slug, language } = place;
  const [first] = share.pictures;
  const title = escapeHtml(titleOf(share, texts));
  const count = share.pictures.length;
  const generic = count === 1 ? texts.oneDescription : fill(texts.manyDescription, { count });
  const prompt = commonPrompt(share);
  const description = escapeHtml(prompt ? clip(prompt, MAX_DESCRIPTION_CHARS) : generic);
  const url = escapeHtml(shareUrl(baseUrl, slug));
  const embed = escapeHtml(`${baseUrl}/s/oembed?${new URLSearchParams({ url: shareUrl(baseUrl, slug) })}`);
  return `<title>${title}</title>
<meta name="description" content="${description}">
<link rel="canonical" href="${url}">
<link rel="alternate" type="application/json+oembed" href="${embed}" title="${title}">
<meta property="og:type" content="website">
<meta property="og:site_name" content="Drawbridge">
<meta property="og:locale" content="${language === 'zh' ? 'zh_CN' : 'en_US'}">
<meta property="og:title" content="${title}">
<meta property="og:description" content="${description}">
<meta property="og:url" content="${url}">
${first ? imageHead(first, altOf(share, first, texts), place) : ''}
<meta name="twitter:title" content="${title}">
<meta name="twitter:description" content="${description}">`;
}

/** The picture of a card in chat programs. */
export function imageHead(picture: PagePicture, altText: string, { baseUrl, slug }: PagePlace): string {
  const image = escapeHtml(pictureUrl(baseUrl, slug, picture.n, 'size=preview'));
  const alt = escapeHtml(altText);
  const { width, height } = previewSize(picture);
  return `<meta property="og:image" content="${image}">
<meta property="og:image:type" content="image/jpeg">
<meta property="og:image:width" content="${width}">
<meta property="og:image:height" content="${height}">
<meta property="og:image:alt" content="${alt}">
<meta name="twitter:card" content="summary_large_image">
<meta name="twitter:image" content="${image}">
<meta name="twitter:image:alt" content="${alt}">`;
}

interface DocumentParts {
  place: PagePlace;
  head: string;
  body: string;
  share?: PageShare;
  rules?: string;
}

/** A whole document around a head and a body. */
export function wholePage({ place, head, body, share, rules = '' }: DocumentParts): Page {
  const texts = textsOf(place.language);
  const style = PAGE_STYLE + rules;
  const made = share ? `<span>${texts.made}</span>` : '';
  const until =
    share && share.expiresAt !== null
      ? `<span>${fill(texts.until, { time: timeElement(share.expiresAt, texts.lang) })}</span>`
      : '';
  const html = `<!doctype html>
<html lang="${texts.lang}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="robots" content="noindex,noarchive">
<meta name="color-scheme" content="light dark">
<meta name="format-detection" content="telephone=no">
${head}
<link rel="icon" href="${ICON_URL}"><style>${style}</style></head>
<body>${body}
<footer><a href="${escapeHtml(`${place.ownUrl}/`)}">${ICON}Drawbridge</a>${made}${until}</footer></body></html>
`;
  return { html, policy: policyOf(style) };
}

/** The server does not know the visitor's time zone, so the time says which it is in. */
function timeElement(epochMs: number, locale: string): string {
  const shown = new Intl.DateTimeFormat(locale, {
    dateStyle: 'medium',
    timeStyle: 'short',
    timeZone: 'UTC',
  }).format(epochMs);
  return `<time datetime="${new Date(epochMs).toISOString()}">${escapeHtml(shown)} UTC</time>`;
}

/** Nothing runs, nothing is loaded from elsewhere, nobody frames it, and the form comes back here. */
function policyOf(style: string): string {
  const hash = createHash('sha256').update(style).digest('base64');
  return [
    "default-src 'none'",
    `style-src 'sha256-${hash}'`,
    "img-src 'self' data:",
    "form-action 'self'",
    "base-uri 'none'",
    "object-src 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}
