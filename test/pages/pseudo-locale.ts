// A language whose every word is 40 % longer, made from the English catalogues on their way to the page; and what a page then
// cuts off. Translations of a short English label are often longer than that.
import type { Page } from 'playwright-core';

const LONGER_BY = 0.4;
/** The built files that hold English texts. */
const CATALOGUE_FILES = '**/assets/*-en-*.js';

/** `text` with every word longer by two fifths, rounded up. */
export function lengthen(text: string): string {
  return text.replace(
    /\p{L}{2,}/gu,
    (word) => word + word.toLowerCase().slice(0, Math.ceil(word.length * LONGER_BY)),
  );
}

/** Lengthens a text of a catalogue and leaves its arguments alone: within an odd number of braces is syntax, not text. */
export function lengthenMessage(template: string): string {
  let depth = 0;
  return template
    .split(/([{}])/)
    .map((part) => {
      if (part === '{') depth += 1;
      else if (part === '}') depth -= 1;
      else if (depth % 2 === 0) return lengthen(part);
      return part;
    })
    .join('');
}

function lengthenAll(value: unknown): unknown {
  if (typeof value === 'string') return lengthenMessage(value);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, lengthenAll(inner)]));
}

/** Has this page read every English text lengthened. */
export async function speakAtLength(page: Page): Promise<void> {
  await page.route(CATALOGUE_FILES, async (route) => {
    const answer = await route.fetch();
    const source = Buffer.from(await answer.text()).toString('base64');
    const exported: Record<string, unknown> = await import(`data:text/javascript;base64,${source}`);
    const body = Object.entries(exported).map(
      ([name, value]) => `export const ${name} = ${JSON.stringify(lengthenAll(value))};`,
    );
    await route.fulfill({ response: answer, body: body.join('\n') });
  });
}

/** Lengthens a page that the server has written, in place. */
export async function lengthenPage(page: Page): Promise<void> {
  await page.evaluate(`(() => {
    const LONGER_BY = ${LONGER_BY};
    ${lengthen.toString()}
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) node.data = lengthen(node.data);
  })()`);
}

/**
 * What does not fit on the page: the page itself, text that sticks out of its own box, and text that an ancestor cuts off where
 * neither an ellipsis nor a scroll bar is intended. Each as `what: element “text”`.
 */
export function cutOff(page: Page): Promise<string[]> {
  return page.evaluate(`(() => {
    const root = document.documentElement;
    const found = [];
    const tell = (what, element) => found.push(what + ': ' + element.tagName.toLowerCase() + '.' +
      String(element.className).split(' ').slice(0, 4).join('.') + ' “' + element.textContent.trim().slice(0, 50) + '”');
    if (root.scrollWidth > root.clientWidth) found.push('the page is ' + root.scrollWidth + ' px wide');
    const isForReadersOnly = (element) => getComputedStyle(element).clipPath === 'inset(50%)';
    const isReachable = ({ overflowX }) => overflowX === 'auto' || overflowX === 'scroll';
    const clips = ({ overflowX }) => overflowX === 'hidden' || overflowX === 'clip';
    const isMeant = ({ textOverflow, webkitLineClamp }) => textOverflow === 'ellipsis' || webkitLineClamp !== 'none';
    const judge = (element, texts) => {
      const style = getComputedStyle(element);
      if (!['inline', 'contents'].includes(style.display) && !isMeant(style) && !isReachable(style)
        && element.scrollWidth > element.clientWidth + 1) return tell('sticks out', element);
      const right = Math.max(...texts.map((text) => {
        const range = document.createRange();
        range.selectNodeContents(text);
        return range.getBoundingClientRect().right;
      }));
      for (let box = element; box && box !== document.body; box = box.parentElement) {
        const look = getComputedStyle(box);
        if (isMeant(look) || isReachable(look) || isForReadersOnly(box)) return;
        if (clips(look) && right > box.getBoundingClientRect().right + 1) return tell('cut off', element);
        if (look.overflowY === 'hidden' && box.scrollHeight > box.clientHeight + 2 && box === element)
          return tell('cut off below', element);
        if (look.position === 'fixed') break;
      }
      if (right > root.clientWidth + 1) tell('off the screen', element);
    };
    for (const element of document.querySelectorAll('body *')) {
      if (element.closest('svg, select, textarea, script, style, noscript') || isForReadersOnly(element)) continue;
      const texts = [...element.childNodes].filter((node) => node.nodeType === 3 && node.data.trim() !== '');
      if (texts.length === 0) continue;
      if (!element.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
      judge(element, texts);
    }
    return found;
  })()`);
}
