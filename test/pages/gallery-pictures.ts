// Pictures for the gallery's tests: real ones made by the sandbox, and a wall of as many as wanted, answered in place of the
// server with its own index format.
import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';
import sharp from 'sharp';
import {
  BLOCK_PICTURES,
  encodeBlock,
  encodeEnd,
  encodeHeader,
  PICTURES_PER_ANCHOR,
  ratioOfClass,
} from '../../src/media/gallery-index-format.ts';
import type { StudioServer } from './studio-browser.ts';

const LAST_DAY = 20_700;
const PER_DAY = 900;
const USUAL_CLASSES = [83, 91, 103, 127, 127, 145, 151, 162, 180];
const HEIGHT = 1_024;

interface MadeTask {
  id: string;
  status: string;
}

async function callApi<T>(server: StudioServer, method: string, path: string, body?: unknown): Promise<T> {
  const answer = await fetch(`${server.baseUrl}/${path}`, {
    method,
    headers: { authorization: `Bearer ${server.apiKey}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  assert.ok(answer.ok, `${path}: ${await answer.clone().text()}`);
  return (await answer.json()) as T;
}

/** Resolves when the event stream says that the task has ended. */
async function ended(server: StudioServer, task: MadeTask): Promise<void> {
  const abort = new AbortController();
  const answer = await fetch(`${server.baseUrl}/v1/tasks/${task.id}/events`, {
    headers: { authorization: `Bearer ${server.apiKey}`, accept: 'text/event-stream' },
    signal: abort.signal,
  });
  assert.ok(answer.ok && answer.body, await (answer.ok ? '' : answer.text()));
  const decoder = new TextDecoder();
  let seen = '';
  for await (const chunk of answer.body) {
    seen += decoder.decode(chunk, { stream: true });
    if (/"status":\s*"(succeeded|failed|cancelled)"/.test(seen)) break;
  }
  abort.abort();
}

/** Makes `n` pictures of each prompt, one prompt after the other so that the order is known; the last is the newest. */
export async function makePictures(
  server: StudioServer,
  prompts: readonly { prompt: string; ratio: string; n: number }[],
): Promise<void> {
  for (const { prompt, ratio, n } of prompts) {
    const task = await callApi<MadeTask>(server, 'POST', 'v1/tasks', {
      prompt,
      n,
      aspect_ratio: ratio,
      model: 'sandbox',
    });
    await ended(server, task);
  }
}

/** Opens the gallery and waits for its first picture. */
export async function openGallery(page: Page, baseUrl: string, search = ''): Promise<void> {
  await page.goto(`${baseUrl}/gallery${search}`);
  await page.locator('.wall-shown').first().waitFor();
}

/** The shape of a picture of the wall: all usual ones come by turns. */
const classOf = (ordinal: number) => USUAL_CLASSES[(ordinal * 7919) % USUAL_CLASSES.length] as number;

/** The bytes of an index of `count` pictures in all usual shapes. */
function encodeWall(count: number): Buffer {
  const parts: Uint8Array[] = [encodeHeader(count, 0)];
  for (let first = 0; first < count; first += BLOCK_PICTURES) {
    const size = Math.min(BLOCK_PICTURES, count - first);
    const anchors = Buffer.alloc(Math.ceil(size / PICTURES_PER_ANCHOR) * 16);
    for (let at = 0; at < size; at += PICTURES_PER_ANCHOR)
      anchors.writeUInt32BE(0xffffffff - first - at, (at / PICTURES_PER_ANCHOR) * 16);
    const days: { day: number; count: number }[] = [];
    for (let at = first; at < first + size; ) {
      const end = Math.min(first + size, (Math.floor(at / PER_DAY) + 1) * PER_DAY);
      days.push({ day: LAST_DAY - Math.floor(at / PER_DAY), count: end - at });
      at = end;
    }
    const ratios = Uint8Array.from({ length: size }, (_, at) => classOf(first + at));
    parts.push(encodeBlock({ ratios, days, anchors }));
  }
  return Buffer.concat([...parts, encodeEnd(count)]);
}

const idOf = (ordinal: number) =>
  `img_${(0xffffffff - ordinal).toString(16).padStart(8, '0')}${'0'.repeat(24)}`;

function rowOf(ordinal: number, baseUrl: string): object {
  const url = `${baseUrl}/media/thumb/${ordinal % 7}.webp`;
  return {
    id: idOf(ordinal),
    kind: 'final',
    url,
    thumb_url: url,
    download_url: url,
    width: Math.round(HEIGHT * ratioOfClass(classOf(ordinal))),
    height: HEIGHT,
    mime: 'image/webp',
    bytes: 6_000,
    seed: ordinal,
    thumbhash: null,
    extra: false,
    late: false,
    task_id: null,
    position: 0,
    sha256: '',
    mode: 'text-to-image',
    model: 'sandbox',
    provider: 'sandbox',
    prompt: `picture ${ordinal}`,
    style: null,
    favourite: false,
    tags: [],
    parent_id: null,
    created_at: '2026-01-01T00:00:00.000Z',
    trashed_at: null,
    version: 1,
    origin: 'studio',
    stack: null,
    damage: null,
  };
}

/** Answers the gallery's calls of a page with a wall of `count` pictures. */
export async function pretendPictures(page: Page, baseUrl: string, count: number): Promise<void> {
  const index = encodeWall(count);
  const thumb = await sharp({ create: { width: 320, height: 320, channels: 3, background: '#5a7d8c' } })
    .webp()
    .toBuffer();
  await page.route('**/v1/gallery/index?*', (route) =>
    route.fulfill({ body: index, contentType: 'application/octet-stream' }),
  );
  await page.route('**/v1/gallery/window?*', (route) => {
    const query = new URL(route.request().url()).searchParams;
    const anchor = Number.parseInt((query.get('anchor') ?? idOf(0)).slice(4, 12), 16);
    const first = 0xffffffff - anchor + Number(query.get('offset'));
    const limit = Math.min(Number(query.get('limit')), count - first);
    const data = Array.from({ length: limit }, (_, at) => rowOf(first + at, baseUrl));
    return route.fulfill({ json: { data } });
  });
  await page.route('**/media/thumb/*', (route) => route.fulfill({ body: thumb, contentType: 'image/webp' }));
}
