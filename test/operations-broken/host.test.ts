// Machine and surroundings, broken on purpose: firewalls by their own words, secrets that are none, a service that fails, a
// proxy that is down, a watchdog that does not look, a volume that lost its marker.
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { systemClock } from '../../src/kernel/clock.ts';
import { type Config, loadConfig } from '../../src/kernel/config.ts';
import { doctorEn } from '../../src/kernel/messages/doctor-en.ts';
import { MARKER_FILE } from '../../src/media/media.ts';
import type { FindingBody } from '../../src/operations/contract.ts';
import { type CheckId, runChecks } from '../../src/operations/doctor-check.ts';
import { HOST_CHECKS, placeholderNames } from '../../src/operations/host-checks.ts';
import { hostSystem } from '../../src/operations/host-system.ts';
import { findLocalProxies } from '../../src/operations/way-checks.ts';
import { silentPort } from '../delivery/edge.ts';
import { startTestApp, type TestApp } from '../harness/app.ts';

/** How far the other clock is ahead. */
const AHEAD_MS = 3_600_000;
const HOST = { DRAWBRIDGE_HOST: '0.0.0.0', DRAWBRIDGE_PORT: '8080' };

function configOf(env: Record<string, string>): Config {
  const { config, problems } = loadConfig({ env, cwd: '/nonexistent' });
  assert.ok(config, JSON.stringify(problems));
  return config;
}

/** The findings of the machine's checks where these commands say this, and no other exists. */
async function findingsOn(
  commands: Readonly<Record<string, { code: number; output: string }>>,
  { env = HOST, files = {} }: { env?: Record<string, string>; files?: Record<string, string> } = {},
): Promise<Partial<Record<CheckId, FindingBody>>> {
  const system = {
    ...hostSystem,
    run: async (command: string, args: readonly string[]) =>
      commands[[command, ...args].join(' ')] ?? commands[command] ?? null,
    read: (path: string) => files[path] ?? null,
    exists: () => false,
    addresses: () => ['192.168.1.20'],
  };
  const context = { config: configOf(env), clock: systemClock, text: doctorEn, isServing: false, system };
  const { findings } = await runChecks(HOST_CHECKS, context, { text: doctorEn, deep: false, fix: false });
  return Object.fromEntries(findings.map((finding) => [finding.id, finding]));
}

describe('firewalls', () => {
  test('ufw that drops gets the command that opens; one that lets through is fine', async () => {
    const closed = await findingsOn({
      ufw: { code: 0, output: 'Status: active\n\n22/tcp  ALLOW  Anywhere\n' },
    });
    assert.equal(closed.firewall?.fix, 'ufw allow 8080/tcp');
    const open = await findingsOn({
      ufw: { code: 0, output: 'Status: active\n\n8080/tcp  ALLOW  Anywhere\n' },
    });
    assert.equal(open.firewall, undefined);
  });

  test('firewalld: the port, a range and a service', async () => {
    const running = { 'firewall-cmd --state': { code: 0, output: 'running\n' } };
    const closed = await findingsOn({
      ...running,
      'firewall-cmd --list-ports': { code: 0, output: '9090/tcp\n' },
    });
    assert.match(closed.firewall?.fix ?? '', /--add-port=8080\/tcp/);
    const range = { 'firewall-cmd --list-ports': { code: 0, output: '8000-8100/tcp\n' } };
    assert.equal((await findingsOn({ ...running, ...range })).firewall, undefined);
  });

  test('nftables: a chain that drops by default', async () => {
    const ruleset = (rule: string) =>
      `table inet filter {\n  chain input {\n    type filter hook input priority filter; policy drop;\n    ${rule}\n  }\n}\n`;
    const closed = await findingsOn({ nft: { code: 0, output: ruleset('tcp dport 22 accept') } });
    assert.equal(closed.firewall?.fix, 'nft insert rule inet filter input tcp dport 8080 accept');
    const open = await findingsOn({ nft: { code: 0, output: ruleset('tcp dport { 22, 8080 } accept') } });
    assert.equal(open.firewall, undefined);
  });

  test('a server for this machine alone is no concern of any firewall', async () => {
    const ufw = { ufw: { code: 0, output: 'Status: active\n' } };
    assert.equal((await findingsOn(ufw, { env: { DRAWBRIDGE_HOST: '127.0.0.1' } })).firewall, undefined);
  });
});

test('the service: failed, often started anew, not started with the machine, with a journal in memory', async () => {
  const unit = (lines: string) => ({ systemctl: { code: 0, output: `LoadState=loaded\n${lines}\n` } });
  assert.match((await findingsOn(unit('ActiveState=failed'))).service?.what ?? '', /has failed/);
  const often = await findingsOn(unit('ActiveState=active\nNRestarts=9'));
  assert.match(often.service?.what ?? '', /9 times/);
  const disabled = await findingsOn(unit('ActiveState=active\nNRestarts=0\nUnitFileState=disabled'));
  assert.equal(disabled.service?.fix, 'systemctl enable drawbridge');
  const volatile = await findingsOn(unit('ActiveState=active\nNRestarts=0\nUnitFileState=enabled'));
  assert.match(volatile.service?.what ?? '', /in memory/);
});

test('little memory', async () => {
  const files = { '/proc/meminfo': 'MemTotal: 1000000 kB\nMemAvailable:   51200 kB\n' };
  assert.match((await findingsOn({}, { files })).memory?.what ?? '', /^50 MB are free/);
});

test('secrets that were never replaced are named, never shown', async () => {
  const config = configOf({
    KIE_AI_API_KEY: 'your-kie-key-here',
    JIMENG_SESSION_ID: 'xxxxxx',
    JIMENG_URL: 'http://j:1',
  });
  assert.deepEqual(placeholderNames(config).sort(), ['JIMENG_SESSION_ID', 'KIE_AI_API_KEY']);
  assert.deepEqual(placeholderNames(configOf({ KIE_AI_API_KEY: '4f9d0c7be21a4d0c9c2b7b0f7f0d8a11' })), []);
});

test('a proxy on a usual port of this machine is found', async () => {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(8118, '127.0.0.1', resolve);
  });
  try {
    assert.ok((await findLocalProxies(systemClock)).includes('http://127.0.0.1:8118'));
  } finally {
    server.close();
  }
});

async function examine(app: TestApp, body: object = {}): Promise<FindingBody[]> {
  const { status, json, text } = await app.request('POST', '/v1/admin/doctor', body);
  assert.equal(status, 200, text);
  return json.findings;
}

test('through the whole program: a proxy that is down, a watchdog that is off, a volume whose marker is gone', async () => {
  const port = await silentPort();
  const app = await startTestApp({
    env: {
      HTTPS_PROXY: `http://someone:secret-of-proxy@127.0.0.1:${port}`,
      DRAWBRIDGE_WATCHDOG_INTERVAL_S: '0',
    },
  });
  try {
    const found = await examine(app);
    const of = (id: string) => found.find((finding) => finding.id === id);
    assert.match(of('proxies')?.evidence.join() ?? '', new RegExp(`127\\.0\\.0\\.1:${port}.*HTTPS_PROXY`));
    assert.doesNotMatch(JSON.stringify(found), /secret-of-proxy/);
    assert.match(of('watchdog')?.what ?? '', /switched off/);
    assert.equal(of('store'), undefined);

    await rm(join(app.app.media.root, MARKER_FILE));
    const lost = (await examine(app)).find(({ id }) => id === 'store');
    assert.match(lost?.fix ?? '', /doctor --fix/);
    const mended = (await examine(app, { fix: true })).find(({ id }) => id === 'store');
    assert.match(mended?.fixed ?? '', /counts as the right one/);
    assert.equal(
      (await examine(app)).find(({ id }) => id === 'store'),
      undefined,
    );
  } finally {
    await app.close();
  }
});

test('a clock that is wrong and a receiver that is gone are named, with how far and where', async (t) => {
  // Stands for the public address, with a clock of its own.
  const front = createHttpServer((_request, response) => {
    const date = new Date(Date.now() + AHEAD_MS).toUTCString();
    response.writeHead(200, { date }).end();
  });
  await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve));
  t.after(() => front.close());
  const { port } = front.address() as AddressInfo;
  const gone = await silentPort();
  const app = await startTestApp({
    env: {
      DRAWBRIDGE_PUBLIC_URL: `http://127.0.0.1:${port}`,
      DRAWBRIDGE_OUTBOUND_ALLOW_HOSTS: `127.0.0.1:${gone},127.0.0.1:${port}`,
    },
  });
  t.after(() => app.close());
  for (const at of [gone, port]) {
    const made = await app.request('POST', '/v1/webhooks', { url: `http://127.0.0.1:${at}/hook-secret` });
    assert.equal(made.status, 201, made.text);
  }
  const { findings } = (await app.request('POST', '/v1/admin/doctor', {})).json as {
    findings: FindingBody[];
  };
  const of = (id: string) => findings.find((finding) => finding.id === id);
  assert.equal(of('clock_offset')?.severity, 'error');
  assert.match(of('clock_offset')?.what ?? '', /^This clock is (?:35\d\d|36\d\d) s behind 127\.0\.0\.1:/);
  assert.equal(of('webhook_receivers')?.what, '1 of 2 do not answer.');
  assert.deepEqual(of('webhook_receivers')?.evidence, [`127.0.0.1:${gone}: refused`]);
  assert.doesNotMatch(JSON.stringify(findings), /hook-secret/);
});
