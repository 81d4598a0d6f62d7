// Batches through the whole app, on both databases: checked as a whole, made as a whole, run beside other work, paused,
// cancelled, tried again, told of, and taken away as files.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { type Entry, fromBuffer, type ZipFile } from 'yauzl';
import { verifyLedger } from '../../src/credits/credits.ts';
import { startTestApp, type TestApp } from '../harness/app.ts';
import { until } from '../harness/clock.ts';
import { postgresUnavailable } from '../harness/postgres.ts';
import { type Received, Receiver, verified } from '../harness/webhooks.ts';
import { EventClient, type ReceivedEvent } from '../whole/event-client.ts';

const SMALL = { size: '256x256' };
const GRANT = 100;

interface Item {
  position: number;
  task_id: string;
  status: string;
  tries: number;
  prompt: string;
  images: { id: string }[];
  error: { code: string } | null;
  waiting_reason: string | null;
  waiting: { code: string; params: Record<string, string> } | null;
}

/** The files of a ZIP by their names. */
async function unzip(bytes: Buffer): Promise<Map<string, Buffer>> {
  const zip = (await promisify(fromBuffer as never)(bytes, { lazyEntries: true } as never)) as ZipFile;
  const files = new Map<string, Buffer>();
  return new Promise((resolve, reject) => {
    zip.on('error', reject);
    zip.on('end', () => resolve(files));
    zip.on('entry', (entry: Entry) => {
      zip.openReadStream(entry, async (error, stream) => {
        if (error) return reject(error);
        files.set(entry.fileName, Buffer.concat(await stream.toArray()));
        zip.readEntry();
      });
    });
    zip.readEntry();
  });
}

for (const database of ['sqlite', 'postgres'] as const) {
  const skip = database === 'postgres' ? (postgresUnavailable() ?? false) : false;
  describe(`batches on ${database}`, { skip }, () => {
    let app: TestApp;
    let receiver: Receiver;

    before(async () => {
      receiver = await new Receiver().start();
      app = await startTestApp({
        database,
        sandbox: { instantPicture: true },
        env: {
          DRAWBRIDGE_OUTBOUND_ALLOW_HOSTS: receiver.host,
          DRAWBRIDGE_CREDITS_STARTING_GRANT: String(GRANT),
          DRAWBRIDGE_CREDITS_PRICES: 'sandbox-flaky=1',
        },
      });
    });
    after(async () => {
      receiver.close();
      const { findings } = await verifyLedger(app.app.db);
      await app.close();
      assert.deepEqual(findings, []);
    });

    async function person(): Promise<Record<string, string>> {
      const { json: account } = await app.request('POST', '/v1/admin/accounts', { name: 'somebody' });
      const acting = { 'x-account-id': account.id };
      const { json } = await app.request('POST', '/v1/keys', { name: 'a key' }, acting);
      return { authorization: `Bearer ${json.key}` };
    }

    const create = async (headers: Record<string, string>, body: object) => {
      const made = await app.request('POST', '/v1/batches', body, headers);
      assert.equal(made.status, 201, made.text);
      return made.json as { id: string; counts: Record<string, number>; urls: Record<string, string> };
    };
    const get = async (headers: Record<string, string>, id: string) =>
      (await app.request('GET', `/v1/batches/${id}`, undefined, headers)).json;
    const finished = (headers: Record<string, string>, id: string) =>
      until(
        async () => {
          const batch = await get(headers, id);
          return batch.status === 'finished' ? batch : null;
        },
        { what: `the end of ${id}` },
      );
    const items = async (headers: Record<string, string>, id: string, query = ''): Promise<Item[]> =>
      (await app.request('GET', `/v1/batches/${id}/items${query}`, undefined, headers)).json.data;
    const act = (headers: Record<string, string>, id: string, action: string, body?: object) =>
      app.request('POST', `/v1/batches/${id}/${action}`, body ?? {}, headers);
    const credits = async (headers: Record<string, string>) =>
      (await app.request('GET', '/v1/credits', undefined, headers)).json;

    test('ten items of which three fail: seven charged and shown, the three tried again alone', async () => {
      const headers = await person();
      const rows = Array.from({ length: 10 }, (_, n) => ({
        prompt: n % 4 === 1 ? `boat ${n} [sandbox:fault=content_blocked times=1]` : `boat ${n}`,
        seed: n,
      }));
      const defaults = { ...SMALL, model: 'sandbox-flaky' };
      const { id } = await create(headers, { items: rows, defaults });
      const first = await finished(headers, id);
      assert.deepEqual(first.counts, {
        total: 10,
        queued: 0,
        running: 0,
        succeeded: 7,
        failed: 3,
        cancelled: 0,
      });
      assert.deepEqual(first.cost, { held: 0, captured: 7, released: 3 });
      assert.equal((await credits(headers)).available_credits, GRANT - 7);
      const before = await items(headers, id);
      assert.deepEqual(
        before.filter(({ images }) => images.length === 1).map(({ position }) => position),
        [0, 2, 3, 4, 6, 7, 8],
      );
      assert.deepEqual(
        (await items(headers, id, '?status=failed')).map(({ position, error }) => [position, error?.code]),
        [1, 5, 9].map((position) => [position, 'content_blocked']),
      );
      const cells = await app.request('GET', `/v1/batches/${id}/cells`, undefined, headers);
      assert.equal(cells.json.states, 'sfsssfsssf');
      // Two calls at once make one try of each.
      const calls = await Promise.all([act(headers, id, 'retry-failed'), act(headers, id, 'retry-failed')]);
      assert.deepEqual(
        calls.map(({ status }) => status),
        [200, 200],
      );
      const second = await finished(headers, id);
      assert.equal(second.counts.succeeded, 10);
      assert.equal((await credits(headers)).available_credits, GRANT - 10);
      const after = await items(headers, id);
      assert.deepEqual(
        after.map(({ tries }) => tries),
        [1, 2, 1, 1, 1, 2, 1, 1, 1, 2],
      );
      for (const [index, item] of after.entries())
        if (item.tries === 1) assert.equal(item.task_id, before[index]?.task_id, 'others are left alone');
      const since = `/v1/batches/${id}/cells?since=${cells.json.version}`;
      assert.deepEqual((await app.request('GET', since, undefined, headers)).json.changes, [
        [1, 's'],
        [5, 's'],
        [9, 's'],
      ]);
      // Single tasks are listed without them.
      assert.equal((await app.request('GET', '/v1/tasks', undefined, headers)).json.data.length, 0);
      const tries = await app.request('GET', `/v1/tasks?batch_id=${id}`, undefined, headers);
      assert.equal(tries.json.data.length, 13);
    });

    test('a dry run says what every row costs and what is wrong with it, and makes nothing', async () => {
      const headers = await person();
      const csv =
        '提示词;风格;尺寸;数量;货号\n小船;水彩;256x256;2;A-1\n;;;;\n湖;没有这种风格;256x256;1;A-2\n山;;9x9;1;A-3\n';
      const body = { csv, defaults: { model: 'sandbox-flaky' }, dry_run: true, budget_credits: 1 };
      const { status, json } = await app.request('POST', '/v1/batches', body, headers);
      assert.equal(status, 200);
      assert.equal(json.valid, false);
      assert.deepEqual(json.source.separator, ';');
      assert.deepEqual(
        json.source.columns.map(({ field }: { field: string | null }) => field),
        ['prompt', 'style', 'size', 'n', null],
      );
      assert.deepEqual(
        json.errors.map(({ row, field, code, params }: Record<string, unknown>) => [
          row,
          field,
          code,
          params,
        ]),
        [
          [4, 'style', 'no_such_style', { style: '没有这种风格' }],
          [5, 'size', 'size_form', {}],
        ],
      );
      assert.equal(json.cost_credits, 2);
      assert.deepEqual(
        json.problems.map(({ code }: { code: string }) => code),
        ['validation_failed'],
      );
      const real = await app.request('POST', '/v1/batches', { ...body, dry_run: false }, headers);
      assert.equal(real.status, 422);
      assert.deepEqual(
        real.json.errors.map(({ pointer }: { pointer: string }) => pointer),
        ['/rows/4/style', '/rows/5/size'],
      );
      assert.equal((await app.request('GET', '/v1/batches', undefined, headers)).json.data.length, 0);
      assert.equal((await credits(headers)).held_credits, 0);
    });

    test('a batch that costs too much is refused before anything begins', async () => {
      const headers = await person();
      const body = { lines: 'a\n'.repeat(GRANT + 1), defaults: { ...SMALL, model: 'sandbox-flaky' } };
      const poor = await app.request('POST', '/v1/batches', body, headers);
      assert.equal(poor.json.code, 'insufficient_credits', poor.text);
      const capped = await app.request('POST', '/v1/batches', { ...body, budget_credits: 5 }, headers);
      const check = { ...body, lines: 'a\nb\nc\nd', dry_run: true };
      const { json: account } = await app.request('POST', '/v1/admin/accounts', { name: 'thrifty' });
      const limits = { account_id: account.id, daily_credits: 3, monthly_credits: null };
      assert.equal((await app.request('PUT', '/v1/admin/credits/limits', limits)).status, 200);
      const thrifty = { 'x-account-id': account.id };
      const limited = (await app.request('POST', '/v1/batches', check, thrifty)).json;
      assert.deepEqual(
        [limited.valid, limited.spendable_credits, limited.problems.map((one: { code: string }) => one.code)],
        [false, 3, ['spending_limit_reached']],
      );
      const fits = (await app.request('POST', '/v1/batches', { ...check, lines: 'a\nb\nc' }, thrifty)).json;
      assert.equal(fits.valid, true);
      const refused = await app.request('POST', '/v1/batches', { ...check, dry_run: false }, thrifty);
      assert.equal(refused.json.detail, limited.problems[0].detail);
      assert.equal(capped.json.errors[0].pointer, '/budget_credits');
      assert.deepEqual((await app.request('GET', '/v1/batches', undefined, headers)).json.data, []);
      const key = { ...headers, 'idempotency-key': 'once' };
      const first = await app.request('POST', '/v1/batches', { lines: 'a', defaults: SMALL }, key);
      const again = await app.request('POST', '/v1/batches', { lines: 'a', defaults: SMALL }, key);
      const other = await app.request('POST', '/v1/batches', { lines: 'b', defaults: SMALL }, key);
      assert.equal(again.json.id, first.json.id);
      assert.equal(other.json.code, 'idempotency_mismatch');
    });

    test('paused: nothing begins; resumed: all of it; cancelled: what waits ends with its credits back', async () => {
      const headers = await person();
      const defaults = { ...SMALL, model: 'sandbox-flaky' };
      const { id } = await create(headers, { lines: 'a\nb\nc\n', defaults, paused: true });
      const beside = await app.request(
        'POST',
        '/v1/tasks',
        { prompt: 'beside it', ...SMALL },
        { ...headers, prefer: 'wait=30' },
      );
      assert.equal(beside.json.status, 'succeeded');
      assert.equal((await get(headers, id)).counts.queued, 3);
      assert.equal((await act(headers, id, 'resume')).json.status, 'running');
      assert.equal((await finished(headers, id)).counts.succeeded, 3);
      assert.equal((await act(headers, id, 'pause')).json.code, 'conflict');

      const second = await create(headers, { lines: 'a\n'.repeat(20), defaults, paused: true });
      assert.equal((await credits(headers)).held_credits, 20);
      const cancelled = await act(headers, second.id, 'cancel');
      assert.equal(cancelled.json.counts.cancelled, 20);
      await finished(headers, second.id);
      assert.equal((await credits(headers)).held_credits, 0);
      // What was cancelled can be tried again, one by one.
      await act(headers, second.id, 'retry', { positions: [3, 4, 999] });
      const end = await finished(headers, second.id);
      assert.deepEqual([end.counts.succeeded, end.counts.cancelled], [2, 18]);
    });

    test('what an item waits for beside its turn is said in words and as a code', async () => {
      const headers = await person();
      const { id } = await create(headers, { lines: 'a boat', defaults: SMALL, paused: true });
      const provider = '/v1/admin/providers/sandbox';
      assert.equal((await app.request('POST', `${provider}/drain`)).status, 200);
      await act(headers, id, 'resume');
      const [item] = await items(headers, id);
      const { code, params } = item?.waiting ?? assert.fail(JSON.stringify(item));
      assert.deepEqual(
        [code, params.provider, params.error],
        ['provider_stopped', 'sandbox', 'provider_unavailable'],
      );
      assert.ok(item?.waiting_reason?.includes(params.detail ?? '?'), item?.waiting_reason ?? 'no reason');
      assert.equal((await app.request('POST', `${provider}/undrain`)).status, 200);
      await finished(headers, id);
      assert.deepEqual(
        (await items(headers, id)).map(({ status, waiting, waiting_reason: reason }) => [
          status,
          waiting,
          reason,
        ]),
        [['succeeded', null, null]],
      );
    });

    test('its end is told once to webhooks and to its own address, and the stream tells of the batch alone', async () => {
      const headers = await person();
      const path = `/told-${database}`;
      const hook = await app.request(
        'POST',
        '/v1/webhooks',
        { url: receiver.url(path), events: ['batch.finished'] },
        headers,
      );
      const events: ReceivedEvent[] = [];
      const stream = new EventClient({
        target: () => ({ url: `${app.url}/v1/events`, headers }),
        onEvent: (event) => events.push(event),
      }).start();
      await until(() => stream.connections === 1);
      const own = `${path}-own`;
      const body = { lines: 'a\nb', defaults: SMALL, webhook_url: receiver.url(own) };
      const { id } = await create(headers, body);
      const end = await finished(headers, id);
      await until(() => receiver.at(path).length === 1 && receiver.at(own).length === 1);
      const message = verified(hook.json.secret, receiver.at(path)[0] as Received, Date.now());
      assert.equal(message.type, 'batch.finished');
      assert.deepEqual((message.data as unknown as { counts: object }).counts, end.counts);
      await until(() => events.some(({ event }) => event === 'batch.finished'));
      await stream.close();
      assert.deepEqual([...new Set(events.map(({ data }) => data.id))], [id]);
      assert.equal(events.at(-1)?.data.counts.succeeded, 2);
    });

    test('its files: every picture in the ZIP, a manifest that makes what is missing, a table without formulas', async () => {
      const headers = await person();
      const csv =
        'prompt,sku\n"=cmd|calc",../../A1\n"../etc/x",A2\n"boat [sandbox:fault=content_blocked]",A3\n';
      const { id, urls } = await create(headers, {
        csv,
        templates: false,
        defaults: { ...SMALL, model: 'sandbox-flaky' },
        file_pattern: '{sku}-{prompt}',
      });
      await finished(headers, id);
      const answer = await fetch(urls.archive as string, { headers });
      assert.equal(answer.headers.get('content-type'), 'application/zip');
      const files = await unzip(Buffer.from(await answer.arrayBuffer()));
      const names = [...files.keys()];
      assert.deepEqual(names.slice(-2), ['manifest.jsonl', 'results.csv']);
      assert.deepEqual(names.slice(0, 2), ['A1-=cmd calc.png', 'A2-.. etc x.png']);
      for (const name of names.slice(0, 2)) {
        assert.doesNotMatch(name, /^[.=+@-]|[/\\]/);
        assert.deepEqual([...(files.get(name)?.subarray(0, 4) ?? [])], [0x89, 0x50, 0x4e, 0x47]);
      }
      const table = files.get('results.csv')?.toString() ?? '';
      assert.ok(table.startsWith('\uFEFFn,row,status'));
      assert.match(table, /,'=cmd\|calc,/);
      const manifest = files.get('manifest.jsonl')?.toString() ?? '';
      assert.equal(manifest.trim().split('\n').length, 3);
      const rest = await app.request('POST', '/v1/batches', { jsonl: manifest, dry_run: true }, headers);
      assert.deepEqual([rest.json.items, rest.json.skipped, rest.json.valid], [1, 2, true], rest.text);
      const all = { jsonl: manifest, dry_run: true, include_done: true };
      assert.equal((await app.request('POST', '/v1/batches', all, headers)).json.items, 3);
    });
  });
}
