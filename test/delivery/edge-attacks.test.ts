// Fault row I6 through a real nginx with our site file: connections that never finish, requests that two servers could read
// differently, TRACE, and headers without end.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, get } from 'node:http';
import { connect, type Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { loadConfig } from '../../src/kernel/config.ts';
import { nginxSite } from '../../src/operations/nginx-config.ts';
import { proxySite } from '../../src/operations/proxy-site.ts';
import type { TestApp } from '../harness/app.ts';
import { requestText, sendRaw } from '../security/raw-http.ts';
import { silentPort, startBehind, upstreamOf } from './edge.ts';
import { missing, type Nginx, startNginx } from './nginx-server.ts';

const SLOW_CONNECTIONS = 1_000;
const SAMPLES = 300;
/** Below this nobody notices anything, and a busy machine's noise would decide. */
const UNNOTICED_MS = 100;
const HEADER_BYTES = 64 * 1024;

let app: TestApp;
let nginx: Nginx;
let base: string;

describe('I6 through nginx', { skip: missing('nginx') }, () => {
  before(async () => {
    const port = await silentPort();
    base = `http://127.0.0.1:${port}`;
    app = await startBehind(base);
    const env = { DRAWBRIDGE_DATA_DIR: app.dataDir, DRAWBRIDGE_PUBLIC_URL: base };
    const { config } = loadConfig({ env, cwd: app.dataDir });
    assert.ok(config);
    nginx = await startNginx(
      nginxSite(proxySite(config, { upstream: upstreamOf(app), maxBodyBytes: 1 })),
      port,
    );
  });
  after(async () => {
    await nginx.stop();
    await app.close();
  });

  test('I6 1,000 connections that never finish their headers do not slow the others down', async () => {
    await p99(); // Warm.
    const idle = await p99();
    const slow: Socket[] = [];
    try {
      for (let count = 0; count < SLOW_CONNECTIONS; count += 1) {
        const socket = connect(nginx.port, '127.0.0.1');
        socket.on('error', () => {});
        slow.push(socket);
      }
      await Promise.all(slow.map((socket) => once(socket, 'connect')));
      for (const socket of slow) socket.write('GET / HTTP/1.1\r\nHost: slow\r\nX-Slow: ');
      const busy = await p99();
      for (const socket of slow) socket.write('a');
      assert.ok(
        slow.filter(({ destroyed }) => !destroyed).length > SLOW_CONNECTIONS / 2,
        'they are still open',
      );
      assert.ok(
        busy <= Math.max(2 * idle, UNNOTICED_MS),
        `p99 ${busy.toFixed(1)} ms beside ${idle.toFixed(1)} ms`,
      );
    } finally {
      for (const socket of slow) socket.destroy();
    }
  });

  const hidden = (name: string) => `GET /hidden-${name} HTTP/1.1\r\nHost: drawbridge.test\r\n\r\n`;
  const POST = 'POST /v1/tasks HTTP/1.1\r\nHost: drawbridge.test\r\nContent-Type: application/json\r\n';
  const smuggled: Record<string, string> = {
    'cl-te': `${POST}Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${hidden('cl-te')}`,
    'te-cl': `${POST}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n5c\r\n${hidden('te-cl')}\r\n0\r\n\r\n`,
    'two-lengths': `${POST}Content-Length: 0\r\nContent-Length: 60\r\n\r\n${hidden('two-lengths')}`,
    'space-before-colon': `${POST}Transfer-Encoding : chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n${hidden('space-before-colon')}`,
    'unknown-coding': `${POST}Transfer-Encoding: xchunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n${hidden('unknown-coding')}`,
    'two-codings': `${POST}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n${hidden('two-codings')}`,
    'length-with-sign': `${POST}Content-Length: +0\r\n\r\n${hidden('length-with-sign')}`,
    'chunk-size-in-words': `${POST}Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n${hidden('chunk-size-in-words')}`,
    folded: `${POST}Transfer-Encoding:\r\n chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n${hidden('folded')}`,
  };
  for (const [name, text] of Object.entries(smuggled)) {
    test(`I6 a request hidden in another one is refused: ${name}`, async () => {
      const answer = await sendRaw(base, [text]);
      assert.ok([400, 501].includes(answer.status), answer.head.join('\n'));
      assert.equal(answer.header('connection'), 'close', 'the connection is not used any further');
      const seen = app.log.records.map(({ fields }) => String(fields.path ?? ''));
      assert.ok(!seen.some((path) => path.startsWith('/hidden-')), 'the application was never asked');
    });
  }

  test('I6 a body that is framed well is one request, whatever is in it', async () => {
    const inside = hidden('in-a-body');
    const length = inside.length.toString(16);
    const answer = await sendRaw(base, [
      `${POST}Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n${length}\r\n${inside}\r\n0\r\n\r\n`,
    ]);
    assert.equal(answer.status, 401);
    const seen = app.log.records.map(({ fields }) => String(fields.path ?? ''));
    assert.ok(!seen.includes('/hidden-in-a-body'));
  });

  test('I6 TRACE and 64 KB of headers are refused at the door', async () => {
    const trace = await sendRaw(base, [requestText('TRACE', '/', { 'X-Secret': 'mirrored' })]);
    assert.equal(trace.status, 405);
    assert.ok(!trace.body.includes('mirrored'));
    const large = requestText('GET', '/healthz', { 'X-Large': 'a'.repeat(HEADER_BYTES) });
    assert.equal((await sendRaw(base, [large])).status, 400);
    const many = Array.from({ length: 20 }, (_, index) => [`X-${index}`, 'a'.repeat(HEADER_BYTES / 20)]);
    assert.equal(
      (await sendRaw(base, [requestText('GET', '/healthz', Object.fromEntries(many))])).status,
      400,
    );
  });

  test('O4 what nginx says names no version', async () => {
    const answer = await sendRaw(base, [requestText('TRACE', '/', {})]);
    assert.equal(answer.header('server'), 'nginx');
  });
});

/** The slowest but 1 % of calls one after another, over one connection, in milliseconds. */
async function p99(): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const times: number[] = [];
  try {
    for (let count = 0; count < SAMPLES; count += 1) {
      const startedAt = performance.now();
      await new Promise<void>((resolve, reject) => {
        get(`${base}/healthz`, { agent }, (response) => {
          response.resume().once('end', resolve);
        }).once('error', reject);
      });
      times.push(performance.now() - startedAt);
    }
  } finally {
    agent.destroy();
  }
  return times.sort((a, b) => a - b)[Math.floor(SAMPLES * 0.99)] ?? 0;
}
