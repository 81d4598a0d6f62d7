// Secrets of every kind, planted at once in one whole program, which then lives through success and every fault of every
// provider. Nothing that it says or keeps may hold one: logs of all levels, answers, streams, metrics, the doctor, the command
// line, files. The logger here knows none of them by value, so nothing is right only because it was masked.
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { describeConfig, loadConfig } from '../../src/kernel/config.ts';
import { flatPng } from '../../src/media/test-pictures.ts';
import { startTestApp, type TestApp } from '../harness/app.ts';
import { FakeClock, until } from '../harness/clock.ts';
import { runCommand } from '../harness/command-line.ts';
import { scriptedProxy } from '../harness/egress-proxies.ts';
import { type Driver, FAULT_NAMES, type FaultName, type Stage } from '../providers/driver.ts';
import { DRIVERS } from '../providers/drivers.ts';
import { everyAnswer } from '../providers/kit.ts';

const START_MS = 1_795_320_000_000;
const LEAST_CANARIES = 30;
/** Faults after which a provider rests; they come last. */
const RESTING: readonly FaultName[] = ['redirect', 'rate limit', 'expired credential', 'empty account'];
const LIMIT_MS = 60_000;
const LOOK_STEP_MS = 20_000;
const MOST_LOOKS = 60;
/** Slow enough for calls through a proxy on a busy machine. */
const STEP_MS = 100;
const secret = (name: string) => `canary0${Buffer.from(name).toString('hex')}9f`;

/** Set by name in the environment; none of them is used for anything but being kept. */
const IDLE: Readonly<Record<string, string>> = {
  MOONSHOT_API_KEY: secret('moonshot'),
  KIE_AI_WEBHOOK_KEY: secret('kie-webhook'),
  CLOUDFLARE_R2_ACCESS_KEY_ID: secret('r2-access'),
  CLOUDFLARE_R2_SECRET_ACCESS_KEY: secret('r2-secret'),
  S3_ACCESS_KEY_ID: secret('s3-access'),
  S3_SECRET_ACCESS_KEY: secret('s3-secret'),
  IMGBB_API_KEY: secret('imgbb'),
  DRAWBRIDGE_API_KEY: `dbk_${secret('client')}`,
  DRAWBRIDGE_SECRETS_KEY: Buffer.from('canary0secrets-key'.padEnd(32, '-')).toString('hex'),
};
const PLAIN = {
  // Part of the bucket's host name, which logs and presigned addresses show.
  CLOUDFLARE_R2_ACCOUNT_ID: 'r2account',
  CLOUDFLARE_R2_BUCKET: 'pictures',
  S3_BUCKET: 'pictures',
  MOONSHOT_BASE_URL: 'http://127.0.0.1:9/v1',
  DRAWBRIDGE_PUBLIC_URL: 'https://draw.example',
};
const PROXY_NAMES: Readonly<Record<string, string>> = {
  openai: 'OPENAI_PROXY',
  jimeng: 'JIMENG_PROXY',
  kie: 'KIE_AI_PROXY',
  comfyui: 'COMFYUI_PROXY',
  ai_sdk: 'AI_SDK_PROXY',
};

interface Role {
  driver: Driver;
  stage: Stage;
}

interface World {
  app: TestApp;
  clock: FakeClock;
  roles: Role[];
  /** Everything that must be seen nowhere; what the program makes itself is added as it comes. */
  canaries: Set<string>;
  /** All that was answered. */
  said: string[];
}

/** A proxy's part: the same request, whole, without what was meant for the proxy. */
function forward(request: IncomingMessage, response: ServerResponse): void {
  const { 'proxy-authorization': _own, ...headers } = request.headers;
  const onward = httpRequest(request.url ?? '', { method: request.method ?? 'GET', headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 0, answer.headers);
    answer.on('error', () => response.destroy()).pipe(response);
  });
  onward.on('error', () => response.destroy());
  request.pipe(onward);
}

async function openWorld(t: TestContext): Promise<World> {
  const canaries = new Set<string>(Object.values(IDLE));
  const proxy = await scriptedProxy(t, { onRequest: forward });
  const proxyAddress = (name: string) => {
    const [user, password] = [secret(`${name}-user`), secret(`${name}-password`)];
    canaries.add(user).add(password);
    return `http://${user}:${password}@127.0.0.1:${proxy.port}`;
  };
  const env: Record<string, string> = { ...IDLE, ...PLAIN };
  // This machine is never reached by the environment's proxies, but their passwords are there.
  env.HTTP_PROXY = proxyAddress('http');
  env.HTTPS_PROXY = proxyAddress('https');
  const roles: Role[] = [];
  let yaml = '';
  for (const driver of DRIVERS.filter(({ secrets }) => secrets.length > 0)) {
    const stage = await driver.start(t);
    stage.serve(flatPng(512, 512));
    const settings = driver.settings(stage.url);
    Object.assign(env, settings.env, { [PROXY_NAMES[driver.provider] ?? '']: proxyAddress(driver.provider) });
    yaml += settings.yaml ?? '';
    for (const one of driver.secrets) canaries.add(one);
    roles.push({ driver, stage });
  }
  env.JIMENG_SESSION_ID = `${env.JIMENG_SESSION_ID},${secret('second-session')}`;
  env.KIE_AI_API_KEY = `${env.KIE_AI_API_KEY},${secret('second-key')}`;
  const comfyUi = new URL(env.COMFYUI_URL ?? '');
  comfyUi.password = secret('comfyui-password');
  env.COMFYUI_URL = comfyUi.href;
  for (const name of ['second-session', 'second-key', 'comfyui-password']) canaries.add(secret(name));
  const dataDir = mkdtempSync(join(tmpdir(), 'drawbridge-canaries-'));
  writeFileSync(join(dataDir, 'drawbridge.yaml'), `providers:\n${yaml}`);
  const clock = new FakeClock(START_MS);
  const app = await startTestApp({ env, dataDir, clock });
  let isClosed = false;
  const close = async () => {
    if (!isClosed) await app.close();
    isClosed = true;
  };
  t.after(async () => {
    await close();
    rmSync(dataDir, { recursive: true, force: true });
  });
  canaries.add(app.adminKey);
  return { app: { ...app, close }, clock, roles, canaries, said: [] };
}

/** A call whose answer must hold no secret. */
async function call(
  world: World,
  method: string,
  path: string,
  body?: unknown,
  headers?: Record<string, string>,
) {
  const answer = await world.app.request(method, path, body, headers);
  world.said.push(answer.text, JSON.stringify([...answer.headers]));
  return answer;
}

function run<T>(world: World, what: string, condition: () => T | Promise<T>): Promise<NonNullable<T>> {
  return until(
    () => {
      for (const { stage } of world.roles) stage.work?.();
      return condition();
    },
    { clock: world.clock, stepMs: STEP_MS, limitMs: LIMIT_MS, what },
  );
}

/** Every provider takes tasks again: each look waits for its answer, so that the time between two may pass at once. */
async function recover(world: World): Promise<void> {
  for (let looks = 0; ; looks += 1) {
    const away: string[] = [];
    for (const { driver } of world.roles) {
      const { json, text } = await call(world, 'POST', `/v1/admin/providers/${driver.provider}/probe`);
      const breakers: { breaker: { state: string } }[] = json.models;
      const isOpen = breakers.some(({ breaker }) => breaker.state === 'open');
      if (json.state === 'down' || isOpen || json.paused_until !== null) away.push(text);
    }
    if (away.length === 0) return;
    assert.ok(looks < MOST_LOOKS, `They stay away: ${away.join('\n')}`);
    world.clock.advance(LOOK_STEP_MS);
  }
}

/** One fault at every provider that can have it; what only waits after that is cancelled. */
async function liveThrough(world: World, name: FaultName | null, thief: string): Promise<void> {
  const open: { id: string; role: Role; before: number }[] = [];
  for (const role of world.roles) {
    const { driver, stage } = role;
    const fault = name === null ? null : driver.faults[name];
    if (fault?.at === 'nowhere' || fault?.at === 'prompt') continue;
    if (fault?.at === 'picture') stage.serve(fault.bytes);
    else if (fault) {
      const answers = JSON.stringify(fault.answers).includes('{thief}')
        ? fault.answers.map((answer) => ({ ...answer, headers: { location: thief } }))
        : fault.answers;
      stage.next(fault.at, answers);
    }
    const before = stage.submits();
    const body = { prompt: 'a red fox', model: driver.model, size: '512x512' };
    const { json, status, text } = await call(world, 'POST', '/v1/tasks', body);
    assert.ok(status < 300, `${driver.provider}, ${name}: ${text}`);
    open.push({ id: json.id, role, before });
  }
  const isOver = async ({ id, role, before }: (typeof open)[number]) => {
    const { text, json } = await call(world, 'GET', `/v1/tasks/${id}`);
    const isResting = role.stage.submits() > before && json.waiting_reason !== null;
    assert.doesNotMatch(text, /canary/, `${role.driver.provider}, ${name}`);
    return json.finished_at !== null || isResting;
  };
  await run(world, `the end of ${name}`, async () => (await Promise.all(open.map(isOver))).every(Boolean));
  for (const { id, role, before } of open) {
    assert.ok(role.stage.submits() > before, `${role.driver.provider}, ${name}: it was really sent`);
    await call(world, 'POST', `/v1/tasks/${id}/cancel`);
    role.stage.serve(flatPng(512, 512));
  }
  world.said.push(await everyAnswer(world.app));
}

/** Secrets that the program makes: shown once, and from then on nowhere; returns those that it keeps, sealed. */
async function makeOwnSecrets(world: World): Promise<string[]> {
  const { app, canaries } = world;
  const key = await app.request('POST', '/v1/keys', { name: 'planted', scopes: ['tasks:read'] });
  const header = secret('webhook-header');
  const hook = await app.request('POST', '/v1/webhooks', {
    url: 'https://receiver.invalid/',
    headers: { authorization: `Bearer ${header}` },
  });
  const rotated = await app.request('POST', `/v1/webhooks/${hook.json.id}/rotate-secret`);
  const own = await app.request('POST', '/v1/webhooks/default-secret');
  const session = await app.request('POST', '/v1/auth/session', { api_key: app.adminKey });
  const ticket = await app.request('POST', '/v1/stream-tickets', {});
  const cookie = /=([^;]{20,})/.exec(session.headers.get('set-cookie') ?? '')?.[1];
  const sealed = [header, hook.json.secret, rotated.json.secret, own.json.secret];
  const made = [key.json.key, cookie, ticket.json.ticket, ...sealed];
  for (const one of made) {
    assert.ok(typeof one === 'string' && one.length > 15, JSON.stringify(made));
    canaries.add(one);
  }
  const stored = secret('set-at-run-time');
  canaries.add(stored);
  await call(world, 'PUT', '/v1/admin/providers/moonshot/secret', { value: stored, unchecked: true });
  return [stored, ...sealed];
}

/** What the command line prints about a server, or without one. */
async function commandLine({ app, canaries }: World): Promise<string> {
  const env = { DRAWBRIDGE_URL: app.url, DRAWBRIDGE_API_KEY: app.adminKey };
  const password = secret('database-password');
  canaries.add(password);
  const broken = { DATABASE_URL: `postgresql://op:${password}@127.0.0.1:9/x`, ...IDLE };
  const lines = await Promise.all([
    runCommand(['status'], env),
    runCommand(['doctor'], env),
    runCommand(['providers', 'list'], env),
    runCommand(['tasks', 'list', '--json'], env),
    runCommand(['serve'], { ...broken, DRAWBRIDGE_DATA_DIR: join(app.dataDir, 'other') }),
    runCommand(['doctor'], { ...broken, DRAWBRIDGE_DATA_DIR: join(app.dataDir, 'other') }),
  ]);
  return lines.map(({ stdout, stderr }) => stdout + stderr).join('\n');
}

/** Raw bytes of all that is kept, but for the key of what is sealed and what the program must know to sign and compare. */
function keptBytes(dataDir: string): string {
  const files = readdirSync(dataDir, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  return files
    .filter(({ name }) => name !== 'secrets.key' && name !== 'drawbridge.yaml')
    .map(({ parentPath, name }) => readFileSync(join(parentPath, name), 'latin1'))
    .join('\n');
}

test('K1 P3: more than thirty secrets, success and every fault of every provider, and none of them anywhere', async (t) => {
  const world = await openWorld(t);
  const { app, canaries, roles } = world;
  const configured = [...canaries];
  const sealed = await makeOwnSecrets(world);
  assert.ok(canaries.size >= LEAST_CANARIES, `${canaries.size} secrets`);
  const events = new AbortController();
  const headers = { authorization: `Bearer ${app.adminKey}` };
  const stream = await fetch(`${app.url}/v1/events`, { headers, signal: events.signal });
  const streamed = (async () => {
    let text = '';
    try {
      for await (const chunk of stream.body ?? []) text += Buffer.from(chunk).toString();
    } catch {
      // It ends when the test says so.
    }
    return text;
  })();
  const thief = `http://127.0.0.1:9/${secret('never-set')}`;
  await recover(world);
  await liveThrough(world, null, thief);
  const resting = new Set<FaultName>(RESTING);
  for (const name of FAULT_NAMES.filter((one) => !resting.has(one))) {
    await liveThrough(world, name, thief);
    await recover(world);
  }
  for (const name of RESTING) {
    await liveThrough(world, name, thief);
    await recover(world);
  }
  for (const method of ['GET', 'POST']) {
    for (const { driver } of roles)
      await call(world, method, `/v1/admin/providers/${driver.provider}${method === 'GET' ? '' : '/test'}`);
  }
  await call(
    world,
    'POST',
    '/v1/tasks',
    { prompt: 'x', model: secret('openai') },
    { authorization: 'Bearer wrong' },
  );
  const printed = await commandLine(world);
  events.abort();
  const sinks = { log: app.log.text(), answers: world.said.join('\n'), stream: await streamed, printed };
  assert.match(sinks.stream, /task\.finished/);
  assert.match(sinks.log, /"debug"/);
  const kept = keptBytes(app.dataDir);
  await app.close();
  for (const [sink, text] of Object.entries(sinks)) {
    for (const canary of canaries) assert.ok(!text.includes(canary), `K1: ${canary} is in the ${sink}`);
  }
  for (const canary of [...configured, ...sealed])
    assert.ok(!kept.includes(canary), `K1: ${canary} is in a file`);
});

test('K1: a configuration is described, and its mistakes are told, without any value of it', () => {
  const password = secret('database-password');
  const env = {
    ...IDLE,
    ...PLAIN,
    OPENAI_API_KEY: secret('openai'),
    KIE_AI_API_KEY: secret('kie'),
    OPENAI_PROXY: `socks5://op:${password}@127.0.0.1:9`,
    DATABASE_URL: `postgresql://op:${password}@db.example/x`,
    HTTPS_PROXY: `http://op:${password}@127.0.0.1:9`,
    DRAWBRIDGE_ADMIN_KEY: `dbk_${secret('admin')}`,
  };
  const good = loadConfig({ env, cwd: tmpdir() });
  assert.ok(good.config, JSON.stringify(good.problems));
  assert.doesNotMatch(
    JSON.stringify([describeConfig(good.config), good.warnings, good.presence, good.origins]),
    /canary/,
  );
  const secrets = new Set(Object.keys(IDLE));
  for (const name of Object.keys(env).filter(
    (one) => secrets.has(one) || /KEY|DATABASE_URL|PROXY/.test(one),
  )) {
    for (const spoilt of [`${secret('spoilt')}\n`, `ht!tp://op:${password}@`, `${secret('spoilt')}密`]) {
      const { problems, warnings } = loadConfig({ env: { ...env, [name]: spoilt }, cwd: tmpdir() });
      assert.doesNotMatch(JSON.stringify([problems, warnings]), /canary/, name);
    }
  }
});
