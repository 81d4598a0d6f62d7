// Which stores a configuration names: from the environment's names alone, from a list in order, and what is wrong with one.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadConfig, secretValues } from './config.ts';

const R2 = {
  CLOUDFLARE_R2_ACCOUNT_ID: 'abc123',
  CLOUDFLARE_R2_ACCESS_KEY_ID: 'r2-key-id',
  CLOUDFLARE_R2_SECRET_ACCESS_KEY: 'r2-secret-key',
  CLOUDFLARE_R2_BUCKET: 'pictures',
};
const S3 = { S3_BUCKET: 'b', S3_ACCESS_KEY_ID: 's3-key-id', S3_SECRET_ACCESS_KEY: 's3-secret' };

function load(env: Record<string, string>, yaml?: string) {
  const readFile = (path: string) => {
    if (yaml !== undefined && path.endsWith('drawbridge.yaml')) return yaml;
    throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
  };
  return loadConfig({ env, cwd: '/nonexistent/home', readFile });
}

const names = (loaded: ReturnType<typeof load>) => loaded.config?.media.stores.map(({ name }) => name);

test('the names of the environment alone put their stores before the disk', () => {
  assert.deepEqual(names(load({})), ['disk']);
  const loaded = load({ ...R2, IMGBB_API_KEY: 'imgbb-key', S3_PROXY: 'socks5://user:hunter2@10.0.0.2:1080' });
  assert.deepEqual(names(loaded), ['r2', 'imgbb', 'disk']);
  const [r2] = loaded.config?.media.stores ?? [];
  assert.equal(r2?.kind === 's3' && r2.endpoint, 'https://abc123.r2.cloudflarestorage.com');
  assert.equal(r2?.kind === 's3' && r2.region, 'auto');
});

test('a list gives the order, by names or with whole sections', () => {
  assert.deepEqual(names(load({ ...R2, ...S3, S3_BUCKET: 'bb', DRAWBRIDGE_MEDIA_STORES: 'disk,s3' })), [
    'disk',
    's3',
  ]);
  const yaml = `media:
  stores:
    - kind: s3
      name: weed
      endpoint: http://10.0.0.5:8333
      bucket: pictures
      access_key_id: \${WEED_KEY}
      secret_access_key: canary-of-weed
      addressing: path
      prefix: app/one
      proxy: socks5://user:canary-of-proxy@10.0.0.2:1080
    - r2
`;
  const loaded = load({ ...R2, WEED_KEY: 'weed-key-id' }, yaml);
  assert.deepEqual(loaded.problems, []);
  assert.deepEqual(names(loaded), ['weed', 'r2', 'disk']);
  const [weed] = loaded.config?.media.stores ?? [];
  assert.equal(weed?.kind === 's3' && weed.prefix, 'app/one/');
  const secrets = loaded.config ? secretValues(loaded.config) : [];
  for (const secret of ['weed-key-id', 'canary-of-weed', 'canary-of-proxy', 'r2-secret-key'])
    assert.ok(secrets.includes(secret), secret);
});

test('half configured: the start stops and names what is missing, without a value', () => {
  const cases: [ReturnType<typeof load>, RegExp][] = [
    [load({ ...R2, CLOUDFLARE_R2_BUCKET: '' }), /CLOUDFLARE_R2_BUCKET is missing/],
    [load({ DRAWBRIDGE_MEDIA_STORES: 'r2' }), /entry 1 names a store that is not set up/],
    [
      load(
        {},
        'media:\n  stores:\n    - kind: s3\n      bucket: pictures\n      secret_access_key: canary\n',
      ),
      /entry 1: access_key_id is missing/,
    ],
    [load({ ...R2, DRAWBRIDGE_MEDIA_STORES: 'r2,r2' }), /another store with the name r2/],
    [load({ ...S3, S3_BUCKET: 'bb', S3_ENDPOINT: 'not an address' }), /stores\.s3: endpoint must be/],
    [load({ IMGBB_URL: 'http://imgbb' }), /IMGBB_API_KEY is missing/],
  ];
  for (const [loaded, wanted] of cases) {
    assert.equal(loaded.config, null, String(wanted));
    assert.match(loaded.problems.map(({ text }) => text).join('\n'), wanted);
    assert.doesNotMatch(JSON.stringify(loaded.problems), /canary|secret-key/);
  }
});

test('ImgBB is not used under private access, and says so', () => {
  const loaded = load({ IMGBB_API_KEY: 'imgbb-key', DRAWBRIDGE_MEDIA_ACCESS: 'private' });
  assert.deepEqual(names(loaded), ['disk']);
  assert.match(loaded.warnings.map(({ text }) => text).join('\n'), /ImgBB is not used/);
});
