// Users of a run: they create, repeat what they got no answer to, cancel and retry, through whichever node serves; and they
// remember what they were told, which is what the program is held to.
import type { Access } from '../../src/kernel/route.ts';
import type { CreateTaskBody } from '../../src/tasks/contract.ts';
import { createTaskBody } from '../../src/tasks/contract.ts';
import type { SimNode } from './node.ts';
import type { World } from './world.ts';

const LONGEST_THINK_MS = 3_000;
/** A call without an answer is made again, with its key, at another node. */
const PATIENCE_MS = 4_000;
const MOST_TRIES = 8;

export interface Promised {
  taskId: string;
  key: string | null;
}

export class Users {
  readonly promised: Promised[] = [];
  #unfinished = 0;
  readonly #world: World;
  readonly #nodes: () => readonly SimNode[];
  readonly #accountIds: readonly string[];

  constructor(world: World, nodes: () => readonly SimNode[], accountIds: readonly string[]) {
    this.#world = world;
    this.#nodes = nodes;
    this.#accountIds = accountIds;
  }

  /** Nobody wants anything any more. */
  get areDone(): boolean {
    return this.#unfinished === 0;
  }

  /** Plans `count` tasks over `spreadMs`, some of them cancelled or asked for again. */
  plan(count: number, spreadMs: number): void {
    const { random } = this.#world;
    for (let index = 0; index < count; index += 1) {
      const body = createTaskBody.parse({
        prompt: `picture ${index}`,
        n: random.between(1, 3),
        size: '64x64',
        ...(random.chance(0.3) ? { deadline_s: random.between(5, 25) } : {}),
      });
      const accountId = random.pick(this.#accountIds);
      const key = random.chance(0.7) ? `key ${index}` : null;
      this.#later(random.between(0, spreadMs), () => this.#create(body, accountId, key, MOST_TRIES));
    }
  }

  #later(delayMs: number, act: () => void): void {
    this.#unfinished += 1;
    this.#world.schedule(delayMs, () => {
      this.#unfinished -= 1;
      act();
    });
  }

  #node(): SimNode | undefined {
    const serving = this.#nodes().filter(({ isServing, process }) => isServing && process.state !== 'dead');
    return serving.length === 0 ? undefined : this.#world.random.pick(serving);
  }

  #create(body: CreateTaskBody, accountId: string, key: string | null, tries: number): void {
    const { random } = this.#world;
    const again = () => {
      if (tries > 1 && key !== null)
        this.#later(random.between(200, 1_500), () => this.#create(body, accountId, key, tries - 1));
    };
    this.#ask(again, async (node) => {
      const options = {
        access: accessOf(accountId),
        idempotencyKey: key,
        retryOf: null,
        parentImageId: null,
        signal,
      };
      const { task, created } = await node.tasks.accept(body, options);
      this.#world.note(`user was promised ${task.id} (${created})`);
      this.promised.push({ taskId: task.id, key });
      // Sent twice, as by a nervous hand.
      if (key !== null && random.chance(0.1))
        this.#later(random.between(0, 500), () => this.#create(body, accountId, key, 2));
      if (created === 'new' && random.chance(0.3))
        this.#later(this.#world.latency(9_000), () => this.#cancel(task.id, accountId));
      if (created === 'new' && random.chance(0.15))
        this.#later(this.#world.latency(9_000), () => this.#retry(task.id, accountId));
    });
  }

  #cancel(taskId: string, accountId: string): void {
    const again = () =>
      this.#later(this.#world.random.between(100, LONGEST_THINK_MS), () =>
        this.#cancelOnce(taskId, accountId),
      );
    this.#ask(again, async (node) => {
      const task = await node.tasks.cancel(taskId, accessOf(accountId));
      this.#world.note(`user cancelled ${taskId}: ${task.status} ${task.cancel_state}`);
    });
  }

  #cancelOnce(taskId: string, accountId: string): void {
    this.#ask(
      () => {},
      async (node) => void (await node.tasks.cancel(taskId, accessOf(accountId))),
    );
  }

  #retry(taskId: string, accountId: string): void {
    this.#ask(
      () => {},
      async (node) => {
        const options = { access: accessOf(accountId), idempotencyKey: null, signal };
        const { task } = await node.tasks.retry(taskId, options);
        this.promised.push({ taskId: task.id, key: null });
      },
    );
  }

  /** One call to some node; `again` when it failed, or when no answer came in time. */
  #ask(again: () => void, call: (node: SimNode) => Promise<void>): void {
    const node = this.#node();
    if (!node) {
      again();
      return;
    }
    let isAnswered = false;
    this.#unfinished += 1;
    const answer = (next: () => void) => {
      if (isAnswered) return;
      isAnswered = true;
      this.#unfinished -= 1;
      next();
    };
    this.#world.schedule(PATIENCE_MS, () => answer(again));
    call(node).then(
      () => answer(() => {}),
      (error: unknown) => {
        this.#world.note(`user got ${String(error)}`);
        answer(again);
      },
    );
  }
}

const signal = () => new AbortController().signal;

function accessOf(accountId: string): Access {
  return { accountId, scopes: new Set(['tasks:write', 'tasks:read']), via: 'key', credentialId: 'key_s' };
}
