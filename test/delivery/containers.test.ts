// The image's and compose's files, read as their programs read them (no container engine is needed), and the health check run
// against a real server. Where a compose client exists, it has to read the file as well.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { EXTERNAL_NAMES } from '../../src/kernel/config-externals.ts';
import { allSettings } from '../../src/kernel/config-list.ts';
import { startTestApp } from '../harness/app.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const text = (name: string) => readFileSync(join(ROOT, name), 'utf8');

interface Service {
  image?: string;
  build?: string;
  user?: string;
  read_only?: boolean;
  profiles?: string[];
  cap_drop?: string[];
  security_opt?: string[];
  env_file?: { path: string; required: boolean }[];
  environment?: Record<string, string>;
  tmpfs?: string[];
  volumes?: string[];
  command?: string[];
  healthcheck?: { test: string[] };
  stop_grace_period?: string;
}

const compose = parse(text('compose.yaml'), { merge: true }) as {
  services: Record<string, Service>;
  volumes: Record<string, unknown>;
};

const SECRETS = [
  ...allSettings()
    .filter(({ secret }) => secret)
    .flatMap(({ env }) => env),
  ...EXTERNAL_NAMES.filter(({ secret }) => secret).flatMap(({ env }) => env),
];

test('O2 our containers run without root, capabilities and a writable system', () => {
  const ours = Object.entries(compose.services).filter(([, { build }]) => build !== undefined);
  assert.deepEqual(
    ours.map(([name]) => name),
    ['drawbridge', 'worker'],
  );
  for (const [name, service] of ours) {
    assert.equal(service.read_only, true, name);
    assert.match(service.user ?? '', /10001/, name);
    assert.deepEqual(service.cap_drop, ['ALL'], name);
    assert.deepEqual(service.security_opt, ['no-new-privileges:true'], name);
    assert.ok(service.tmpfs?.[0]?.startsWith('/tmp'), name);
    assert.equal(service.stop_grace_period, '40s', name);
  }
});

test('every secret of .env reaches our containers, and none of them a container of others', () => {
  for (const [name, service] of Object.entries(compose.services)) {
    const environment = Object.keys(service.environment ?? {});
    if (service.build === undefined) {
      assert.equal(service.env_file, undefined, `${name} would get every secret`);
      continue;
    }
    assert.deepEqual(service.env_file, [{ path: '.env', required: false }], name);
    assert.deepEqual(
      environment.filter((variable) => SECRETS.includes(variable)),
      [],
      `${name}: a name here would hide the one in .env`,
    );
  }
});

test('one service is mandatory, the others are profiles, and every volume exists', () => {
  const profiles = Object.fromEntries(
    Object.entries(compose.services).map(([name, service]) => [name, service.profiles ?? null]),
  );
  assert.deepEqual(profiles, {
    drawbridge: null,
    worker: ['workers'],
    postgres: ['postgres'],
    seaweedfs: ['s3'],
    jimeng: ['jimeng'],
  });
  for (const { volumes = [] } of Object.values(compose.services))
    for (const volume of volumes) assert.ok((volume.split(':')[0] as string) in compose.volumes, volume);
  for (const { image = '' } of Object.values(compose.services)) assert.match(image, /:/, 'a tag is given');
});

const readsFile = () => {
  const profiles = ['postgres', 's3', 'jimeng', 'workers'].flatMap((name) => ['--profile', name]);
  const args = ['compose', '--file', join(ROOT, 'compose.yaml'), ...profiles, 'config', '--format', 'json'];
  const { status, stdout, stderr } = spawnSync('docker', args, { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  assert.equal(Object.keys((JSON.parse(stdout) as typeof compose).services).length, 5);
};
// Debian has no compose client that knows this format; the checks above read the file without one.
if (spawnSync('docker', ['compose', 'version']).status === 0)
  test('the compose client reads the file', readsFile);

interface Instruction {
  name: string;
  rest: string;
}

/** The instructions of a Dockerfile, continued lines joined. */
function instructions(): Instruction[] {
  const lines = text('Dockerfile')
    .split('\n')
    .filter((line) => !line.trimStart().startsWith('#'))
    .join('\n')
    .replaceAll(/\\\n\s*/g, ' ')
    .split('\n')
    .filter((line) => line.trim() !== '');
  return lines.map((line) => {
    const [, name = '', rest = ''] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
    assert.notEqual(name, '', `no instruction: ${line}`);
    return { name, rest };
  });
}

test('the image is built in stages, runs as a number, and copies what is there', () => {
  const all = instructions();
  const known = ['ARG', 'FROM', 'WORKDIR', 'COPY', 'RUN', 'ENV', 'USER', 'VOLUME', 'EXPOSE', 'STOPSIGNAL'];
  for (const { name } of all) assert.ok([...known, 'HEALTHCHECK', 'ENTRYPOINT', 'CMD'].includes(name), name);
  const stages = all.filter(({ name }) => name === 'FROM').map(({ rest }) => / AS (\w+)$/.exec(rest)?.[1]);
  assert.deepEqual(stages, ['build', 'run']);
  const run = all.slice(all.findLastIndex(({ name }) => name === 'FROM'));
  const value = (name: string) => run.find((one) => one.name === name)?.rest ?? '';
  assert.match(value('USER'), /^[1-9]\d+:[1-9]\d+$/);
  assert.equal(value('STOPSIGNAL'), 'SIGTERM');
  assert.deepEqual(JSON.parse(value('ENTRYPOINT')), ['tini', '--', '/app/bin/drawbridge']);
  assert.deepEqual(JSON.parse(value('CMD')), ['serve']);
  const check = /CMD (\[.*\])$/.exec(value('HEALTHCHECK'))?.[1] ?? '[]';
  const [, script = ''] = JSON.parse(check) as string[];
  assert.ok(existsSync(join(ROOT, script.replace(/^\/app\//, ''))), script);
  const [copied] = all.filter(({ name }) => name === 'COPY');
  for (const file of copied?.rest.split(' ').slice(0, -1) ?? [])
    assert.ok(existsSync(join(ROOT, file)), file);
  for (const { name, rest } of all.filter(({ name }) => name === 'ENV' || name === 'ARG'))
    for (const secret of SECRETS)
      assert.ok(!rest.includes(secret), `${name} ${secret} would be in the image`);
});

test('secrets, data and history stay out of the image', () => {
  const ignored = text('.dockerignore').split('\n');
  for (const path of ['.env', '.git', 'data', 'node_modules', '*.log'])
    assert.ok(ignored.includes(path), path);
});

test('the health check proves that the server can do its work, not that a port is open', async () => {
  const check = async (env: Record<string, string>) => {
    const child = spawn(process.execPath, [join(ROOT, 'deploy/container-health.mjs')], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      said += chunk;
    });
    const [code] = await once(child, 'close');
    return { code: code as number, said };
  };
  const portOf = (url: string) => ({ DRAWBRIDGE_PORT: new URL(url).port, DRAWBRIDGE_HOST: '0.0.0.0' });
  const well = await startTestApp();
  const port = portOf(well.url);
  assert.deepEqual(await check(port), { code: 0, said: '{"status":"ready"}' });
  await well.close();
  assert.equal((await check(port)).code, 1, 'nobody listens');
  const useless = await startTestApp({
    env: { JIMENG_URL: 'http://127.0.0.1:9', DRAWBRIDGE_ALLOW_INCOMPLETE_PROVIDERS: 'true' },
  });
  try {
    const answer = await check(portOf(useless.url));
    assert.equal(answer.code, 1, answer.said);
    assert.match(answer.said, /no provider is usable/);
  } finally {
    await useless.close();
  }
});
