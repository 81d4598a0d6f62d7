// What the configuration says of providers: half configured ones, where each value was looked for, and whose secrets it masks.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadConfig, secretValues } from './config.ts';
import { EXTERNAL_NAMES, REQUIRED_TOGETHER } from './config-externals.ts';

const cwd = '/nonexistent/home';

function load(env: Record<string, string>, files: Record<string, string> = {}) {
  const readFile = (path: string) => {
    const text = files[path.replace(`${cwd}/`, '')];
    if (text === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
    return text;
  };
  return loadConfig({ env, cwd, readFile });
}

test('every provider name of the environment lands in its section, by each of its aliases', () => {
  for (const { env, section, part, field } of EXTERNAL_NAMES) {
    for (const name of env) {
      const isAddress = /_URL$|_SERVER$|_ENDPOINT$|_PROXY$/.test(name);
      const plain = name === 'S3_ADDRESSING' ? 'path' : 'value-of-it';
      const value = isAddress ? 'http://10.0.0.5:1234' : plain;
      const others = REQUIRED_TOGETHER.filter((group) => group.section === section && group.part === part)
        .flatMap(({ fields }) => fields)
        .flatMap((needed) =>
          EXTERNAL_NAMES.filter(
            (one) => one.section === section && one.part === part && one.field === needed,
          ),
        );
      const loaded = load({
        ...Object.fromEntries(others.map((one) => [one.env[0], 'present'])),
        [name]: value,
      });
      assert.deepEqual(loaded.problems, [], name);
      assert.equal(loaded.config?.[section][part]?.[field], value, name);
    }
  }
});

test('half configured: each missing credential stops the start and says where it was looked for', () => {
  const { problems } = load(
    { JIMENG_URL: 'http://jimeng:5100', OPENAI_BASE_URL: 'http://relay/v1' },
    {
      '.env': 'KIE_AI_BASE_URL=http://kie\n',
      'drawbridge.yaml': 'providers:\n  moonshot:\n    model: kimi\n',
    },
  );
  assert.deepEqual(problems.map(({ key }) => key).sort(), [
    'JIMENG_SESSION_ID',
    'KIE_AI_API_KEY',
    'MOONSHOT_API_KEY',
    'OPENAI_API_KEY',
  ]);
  const text = problems.find(({ key }) => key === 'KIE_AI_API_KEY')?.text ?? '';
  assert.match(text, /KIE_AI_BASE_URL is set \(\.env line 1\)/);
  for (const place of [
    'process environment',
    '/nonexistent/home/.env',
    'KIE_AI_API_KEY_FILE',
    'drawbridge.yaml',
  ])
    assert.ok(text.includes(place), place);
  assert.match(
    problems.find(({ key }) => key === 'MOONSHOT_API_KEY')?.text ?? '',
    /providers\.moonshot\.model is set \(drawbridge\.yaml:3\)/,
  );
});

test('a proxy or the unused user id alone sets up nothing', () => {
  const loaded = load({ KIE_AI_USER_ID: 'u1', OPENAI_PROXY: 'direct', JIMENG_PROXY: 'http://10.0.0.1:3128' });
  assert.deepEqual(loaded.problems, []);
  assert.deepEqual(
    loaded.warnings.map(({ key }) => key),
    ['KIE_AI_USER_ID'],
  );
});

test('what is missing may be set at run time where the operator says so, or where a key is at hand', () => {
  const env = { JIMENG_URL: 'http://jimeng:5100' };
  const allowed = load({ ...env, DRAWBRIDGE_ALLOW_INCOMPLETE_PROVIDERS: 'true' });
  assert.deepEqual(allowed.config?.missingCredentials, []);
  assert.match(allowed.warnings[0]?.text ?? '', /drawbridge providers set-secret jimeng/);
  const withKeyFile = load(env, { 'data/secrets.key': 'x' });
  assert.deepEqual(
    withKeyFile.config?.missingCredentials.map(({ provider, field }) => `${provider}.${field}`),
    ['jimeng.session_id'],
  );
  const withKey = load({ ...env, DRAWBRIDGE_SECRETS_KEY: Buffer.alloc(32, 1).toString('base64') });
  assert.equal(withKey.config?.missingCredentials.length, 1);
  assert.equal(load({ ...env, S3_BUCKET: 'b' }, { 'data/secrets.key': 'x' }).config, null);
  assert.match(load({ DRAWBRIDGE_SECRETS_KEY: 'short' }).problems[0]?.text ?? '', /must be 32 bytes/);
});

test('K1: every credential of every section is masked: parts of lists, prefixes, nested ones, passwords in addresses', () => {
  const { config, providerSections, ...shown } = load(
    {
      JIMENG_SESSION_ID: 'us-canary1111,http://p:canary2222@10.0.0.1@hk-canary3333',
      KIE_AI_PROXY: 'socks5://u:canary%404444@10.0.0.1:1080',
      KIE_AI_API_KEY: 'canary5555',
      COMFYUI_URL: 'http://a:canary6666@10.0.0.2:8188,10.0.0.3:8188',
      DRAWBRIDGE_SECRETS_KEY: Buffer.alloc(32, 9).toString('base64'),
    },
    {
      'drawbridge.yaml':
        'providers:\n  ai_sdk:\n    models:\n      - {package: x, api_key: canary7777}\n  chat:\n    api_key: canary8888\n',
    },
  );
  assert.ok(config);
  const masked = secretValues(config);
  for (const secret of [
    'canary1111',
    'canary3333',
    'canary@4444',
    'canary5555',
    'canary6666',
    'canary7777',
    'canary8888',
  ])
    assert.ok(masked.includes(secret), secret);
  assert.ok(!masked.includes('10.0.0.3:8188'));
  assert.doesNotMatch(JSON.stringify(shown), /canary/);
});
