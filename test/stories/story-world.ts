// What the tests of stories share: a reader that follows a story by its event stream, and asks for the steps of a story.
import assert from 'node:assert/strict';
import type { StoryBody, StoryPageBody } from '../../src/stories/contract.ts';
import type { TestApp } from '../harness/app.ts';

const PATIENCE_MS = 20_000;

/** What a reader needs of a server. */
export type Server = Pick<TestApp, 'url' | 'adminKey' | 'request'>;

export class Reader {
  readonly app: Server;
  readonly headers: Record<string, string>;
  /** Every text of a page that the stream showed, in order. */
  readonly texts: string[] = [];

  constructor(app: Server, headers: Record<string, string> = {}) {
    this.app = app;
    this.headers = headers;
  }

  async ask(method: string, path: string, body?: unknown) {
    return this.app.request(method, `/v1/stories${path}`, body, this.headers);
  }

  async must<Answer = StoryBody>(method: string, path: string, body?: unknown): Promise<Answer> {
    const answer = await this.ask(method, path, body);
    assert.ok(answer.status < 300, `${method} ${path}: ${answer.status} ${answer.text}`);
    return answer.json;
  }

  get(id: string): Promise<StoryBody> {
    return this.must('GET', `/${id}`);
  }

  /** The story once `isThere`, by its own event stream; fails with the last state when that does not come. */
  async until(id: string, isThere: (story: StoryBody) => boolean): Promise<StoryBody> {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const response = await fetch(`${this.app.url}/v1/stories/${id}/events`, {
      headers: { authorization: `Bearer ${this.app.adminKey}`, ...this.headers },
      signal,
    });
    assert.equal(response.status, 200);
    let story: StoryBody | null = null;
    const reader = (response.body ?? assert.fail('no body')).pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    try {
      for (;;) {
        const { value, done } = await reader.read();
        assert.ok(!done, 'the stream ended');
        text += value;
        const parts = text.split('\n\n');
        text = parts.pop() ?? '';
        for (const part of parts) story = this.#merge(story, part);
        if (story && isThere(story)) return story;
      }
    } catch (error) {
      if (!signal.aborted) throw error;
      assert.fail(
        `it did not come; last seen: ${JSON.stringify({ ...story, proposals: [], outline: null, cover: null }).slice(0, 5000)}`,
      );
    } finally {
      await reader.cancel().catch(() => {});
    }
  }

  #merge(story: StoryBody | null, part: string): StoryBody | null {
    const name = /^event: (.*)$/m.exec(part)?.[1];
    const data = /^data: (.*)$/m.exec(part)?.[1];
    if (name === undefined || data === undefined) return story;
    const value = JSON.parse(data);
    if (story === null) return value as StoryBody;
    if (name === 'story.updated') return { ...value, pages: story.pages };
    const page = value as StoryPageBody;
    this.texts.push(page.text);
    const isKnown = story.pages.some(({ id }) => id === page.id);
    const pages = isKnown
      ? story.pages.map((one) => (one.id === page.id ? page : one))
      : [...story.pages, page];
    return { ...story, pages };
  }

  /** A story with its outline chosen, ready to be started. */
  async outlined(wish: Record<string, unknown>): Promise<StoryBody> {
    const { id } = await this.must('POST', '', wish);
    await this.until(id, ({ proposals }) => proposals.length > 0);
    return this.must('PUT', `/${id}/outline`, { proposal: 0 });
  }

  /** A started story whose first page has its text and picture. */
  async started(wish: Record<string, unknown>): Promise<StoryBody> {
    const { id } = await this.outlined(wish);
    await this.must('POST', `/${id}/start`);
    return this.until(id, isReady(1));
  }

  async choose(story: StoryBody, page: StoryPageBody, way: object): Promise<string> {
    const path = `/${story.id}/pages/${page.id}/choose`;
    return (await this.must<{ page_id: string }>('POST', path, way)).page_id;
  }
}

/** Whether so many opened pages have text and picture. */
export function isReady(count: number) {
  return ({ pages }: StoryBody) => {
    const opened = pages.filter((page) => page.opened);
    return (
      opened.length >= count &&
      opened.every(({ writing, picture }) => writing.status === 'ready' && picture.status === 'ready')
    );
  };
}

export function pageOf(story: StoryBody, id: string): StoryPageBody {
  return story.pages.find((page) => page.id === id) ?? assert.fail(`no page ${id}`);
}

export function firstPage(story: StoryBody): StoryPageBody {
  return story.pages.find(({ number }) => number === 1) ?? assert.fail('no first page');
}
