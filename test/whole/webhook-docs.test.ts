// The verification examples of docs/webhooks.md, run as they stand on messages that the program signs.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { newWebhookSecret, signatureHeader } from '../../src/webhooks/signature.ts';
import { freePort } from '../chaos/server-process.ts';
import { until } from '../harness/clock.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'drawbridge-webhook-docs-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const example = (language: string, word: string) =>
  [...readFileSync(join(ROOT, 'docs/webhooks.md'), 'utf8').matchAll(/```(\w+)\n([\s\S]*?)```/g)]
    .filter(([, name, text]) => name === language && text?.includes(word))
    .map(([, , text]) => text)[0] ?? assert.fail(`no example in ${language}`);

const secret = newWebhookSecret();
const body = JSON.stringify({ type: 'task.succeeded', timestamp: 't', data: { id: 'task_1', prompt: '湖' } });
const timestampS = Math.floor(Date.now() / 1000);
const id = 'msg_1';
/** As in a rotation: the receiver's secret is the older of two. */
const headers = {
  'webhook-id': id,
  'webhook-timestamp': String(timestampS),
  'webhook-signature': signatureHeader([newWebhookSecret(), secret], { id, timestampS, body }),
};
const FORGED = body.replace('task_1', 'task_2');

const missing = (program: string) =>
  spawnSync(program, ['--version']).error ? `${program} is not installed` : false;

test('the Node example takes genuine messages and no others', async () => {
  const port = await freePort();
  const child = spawn(
    process.execPath,
    ['--input-type=module', '--eval', example('js', 'standardwebhooks')],
    {
      cwd: ROOT,
      env: { PATH: process.env.PATH ?? '', WEBHOOK_SECRET: secret, PORT: String(port) },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const post = (text: string) => fetch(`http://127.0.0.1:${port}/`, { method: 'POST', headers, body: text });
  try {
    const genuine = await until(() => post(body).catch(() => null), { what: 'the example to listen' });
    assert.equal(genuine.status, 204);
    assert.equal((await post(FORGED)).status, 400);
    await until(() => output.includes('msg_1 task.succeeded task_1'));
    assert.ok(!output.includes('task_2'));
  } finally {
    const exited = once(child, 'exit');
    child.kill();
    await exited;
  }
});

test('the Python example takes genuine messages and no others', { skip: missing('python3') }, () => {
  const program = `${example('python', 'hmac')}
import sys
given = json.loads(sys.stdin.read())
print(verify(given["secret"], given["headers"], given["body"].encode())["data"]["id"])
`;
  const run = (text: string, sent: Record<string, string> = headers) =>
    spawnSync('python3', ['-c', program], {
      input: JSON.stringify({ secret, headers: sent, body: text }),
      encoding: 'utf8',
    });
  assert.equal(run(body).stdout.trim(), 'task_1', run(body).stderr);
  assert.match(run(FORGED).stderr, /wrong signature/);
  assert.match(run(body, { ...headers, 'webhook-timestamp': String(timestampS - 3600) }).stderr, /too old/);
});

test('the shell example takes genuine messages and no others', { skip: missing('openssl') }, () => {
  const run = (text: string) => {
    writeFileSync(join(folder, 'body.json'), text);
    return spawnSync('sh', ['-c', example('sh', 'openssl')], {
      cwd: folder,
      encoding: 'utf8',
      env: {
        PATH: process.env.PATH ?? '',
        WEBHOOK_SECRET: secret,
        ID: id,
        TIMESTAMP: String(timestampS),
        SIGNATURE: headers['webhook-signature'],
      },
    });
  };
  assert.equal(run(body).stdout, 'genuine\n', run(body).stderr);
  assert.deepEqual([run(FORGED).stdout, run(FORGED).status], ['forged\n', 1]);
});
