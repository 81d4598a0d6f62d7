// Sources and their precedence, all problems at once, and that no message ever shows a secret.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type ConfigInput, describeConfig, loadConfig, secretValues, toConfig } from './config.ts';
import { renderConfigurationDocs, renderEnvExample } from './config-docs.ts';
import { EXTERNAL_NAMES } from './config-externals.ts';
import { allSettings, configJsonSchema } from './config-list.ts';
import { settingsSchema } from './config-settings.ts';

let cwd = '';
before(() => {
  cwd = mkdtempSync(join(tmpdir(), 'config-'));
});
after(() => rmSync(cwd, { recursive: true }));

type Files = Readonly<Record<string, string>>;

/** Loads with a folder that holds exactly `files`. */
function load(env: ConfigInput['env'], files: Files = {}, flags: Readonly<Record<string, string>> = {}) {
  const readFile = (path: string) => {
    const name = path.startsWith(`${cwd}/`) ? path.slice(cwd.length + 1) : path;
    const text = files[name];
    if (text === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
    return text;
  };
  return loadConfig({ env, cwd, readFile, flags });
}

function good(env: ConfigInput['env'], files: Files = {}, flags: Readonly<Record<string, string>> = {}) {
  const loaded = load(env, files, flags);
  assert.deepEqual(loaded.problems, []);
  assert.ok(loaded.config);
  return { ...loaded, config: loaded.config };
}

const problemTexts = (env: ConfigInput['env'], files: Files = {}) =>
  load(env, files).problems.map(({ text }) => text);
const warningTexts = (env: ConfigInput['env'], files: Files = {}) =>
  load(env, files).warnings.map(({ text }) => text);

test('nothing configured gives the documented defaults, without a warning', () => {
  const { config, warnings } = good({});
  assert.deepEqual(warnings, []);
  assert.equal(config.host, '127.0.0.1');
  assert.equal(config.port, 8080);
  assert.equal(config.dataDir, join(cwd, 'data'));
  assert.equal(config.media.root, join(cwd, 'data', 'media'));
  assert.equal(config.credits.startingGrantMicros, 100_000_000);
  assert.equal(config.tasks.deadlineMs, null);
  assert.equal(config.tasks.maxQueuedPerAccount, 2000);
  assert.equal(config.media.uploadMaxBytes, 33_554_432);
  assert.deepEqual(config.trustedProxies, ['loopback']);
  assert.deepEqual(config.providers, {});
});

test('it reads real files from the working directory', () => {
  writeFileSync(join(cwd, 'drawbridge.yaml'), 'port: 9001\nlanguage: zh\n');
  writeFileSync(join(cwd, '.env'), 'DRAWBRIDGE_PORT=9002\n');
  const loaded = loadConfig({ env: {}, cwd });
  assert.equal(loaded.config?.port, 9002);
  assert.equal(loaded.config?.language, 'zh');
});

test('flags beat the process environment, which beats .env, which beats drawbridge.yaml', () => {
  const yaml = { 'drawbridge.yaml': 'port: 1001\n' };
  const both = { ...yaml, '.env': 'DRAWBRIDGE_PORT=1002\n' };
  assert.equal(good({}, yaml).config.port, 1001);
  assert.equal(good({}, both).config.port, 1002);
  assert.equal(good({ DRAWBRIDGE_PORT: '1003' }, both).config.port, 1003);
  const flagged = good({ DRAWBRIDGE_PORT: '1003' }, both, { port: '1004' });
  assert.equal(flagged.config.port, 1004);
  assert.equal(flagged.origins.port, 'command line');
});

test('an empty variable counts as not set', () => {
  assert.equal(good({ DRAWBRIDGE_PORT: ' ' }, { '.env': 'DRAWBRIDGE_PORT=1002' }).config.port, 1002);
});

test('PORT is used when DRAWBRIDGE_PORT is unset, and then every address is listened on', () => {
  const fromPlatform = good({ PORT: '3000' }).config;
  assert.equal(fromPlatform.port, 3000);
  assert.equal(fromPlatform.host, '0.0.0.0');
  const own = good({ PORT: '3000', DRAWBRIDGE_PORT: '4000' }).config;
  assert.equal(own.port, 4000);
  assert.equal(own.host, '127.0.0.1');
  assert.equal(good({ PORT: '3000', DRAWBRIDGE_HOST: '::1' }).config.host, '::1');
});

test('values take their type, units and normal form', () => {
  const { config } = good({
    DRAWBRIDGE_PUBLIC_URL: 'https://Example.com/draw/',
    DRAWBRIDGE_CORS_ORIGINS: 'https://a.example, http://b.example:3000/',
    DRAWBRIDGE_TRUSTED_PROXIES: 'loopback,10.0.0.0/8',
    DRAWBRIDGE_CREDITS_STARTING_GRANT: '0.1',
    DRAWBRIDGE_CREDITS_PRICES: 'jimeng-4.5=0.25, sandbox=0',
    DRAWBRIDGE_SANDBOX_ENABLED: 'no',
    DRAWBRIDGE_TASKS_DEADLINE_S: '90',
    DRAWBRIDGE_LOG_FILE: 'logs/app.log',
    https_proxy: 'socks5h://10.0.0.1:1080',
    NO_PROXY: 'localhost,.lan',
  });
  assert.equal(config.publicUrl, 'https://example.com/draw');
  assert.deepEqual(config.corsOrigins, ['https://a.example', 'http://b.example:3000']);
  assert.deepEqual(config.trustedProxies, ['loopback', '10.0.0.0/8']);
  assert.equal(config.credits.startingGrantMicros, 100_000);
  assert.deepEqual({ ...config.credits.priceMicros }, { 'jimeng-4.5': 250_000, sandbox: 0 });
  assert.equal(config.sandbox.enabled, false);
  assert.equal(config.tasks.deadlineMs, 90_000);
  assert.equal(config.log.file, join(cwd, 'logs/app.log'));
  assert.equal(config.proxy.https, 'socks5h://10.0.0.1:1080');
  assert.deepEqual(config.proxy.bypass, ['localhost', '.lan']);
});

test('the configuration is frozen at every level', () => {
  const { config } = good({});
  assert.throws(() => Object.assign(config.sandbox.faults, { lost: 1 }), TypeError);
});

test('all problems come at once, each with where its value came from', () => {
  const problems = problemTexts(
    {
      DRAWBRIDGE_PORT: 'eighty',
      DRAWBRIDGE_LOG_LEVEL: 'warning',
      DRAWBRIDGE_PUBLIC_URL: 'pictures.example.com',
    },
    {
      '.env': '# first\nDRAWBRIDGE_SANDBOX_CONCURRENCY=0\nDRAWBRIDGE_CORS_ORIGINS=https://a.example,*\n',
      'drawbridge.yaml':
        'credits:\n  starting_grant: -5\nmedia:\n  upload_max_mb: 32MB\n  access: everyone\n',
    },
  );
  const expected = [
    /^DRAWBRIDGE_PORT \(process environment\) must be a number, but is "eighty"\.$/,
    /^DRAWBRIDGE_PUBLIC_URL \(process environment\) must be a full address .* but is "pictures\.example\.com"\.$/,
    /^DRAWBRIDGE_CORS_ORIGINS \(\.env line 3\), entry 1, must be an origin .* but is "\*"\.$/,
    /^DRAWBRIDGE_LOG_LEVEL \(process environment\) must be debug, info, warn or error, but is "warning"\. Did you mean warn\?$/,
    /^credits\.starting_grant \(drawbridge\.yaml:2\) must be at least 0, but is "-5"\.$/,
    /^DRAWBRIDGE_SANDBOX_CONCURRENCY \(\.env line 2\) must be at least 1, but is "0"\.$/,
    /^media\.access \(drawbridge\.yaml:5\) must be link or private, but is "everyone"\.$/,
    /^media\.upload_max_mb \(drawbridge\.yaml:4\) must be a number, but is "32MB"\.$/,
  ];
  assert.equal(problems.length, expected.length, problems.join('\n'));
  for (const pattern of expected)
    assert.ok(
      problems.some((text) => pattern.test(text)),
      `${pattern}\n${problems.join('\n')}`,
    );
});

test('unknown names and keys warn with the nearest known one, and do not stop the start', () => {
  const warnings = warningTexts(
    { DRAWBRIDGE_PROT: '1', DRAWBRIDGE_QUITE_ELSE: 'x', JIMENG_SESIONID: 'abc', JIMENG_COLOUR: 'x' },
    {
      'drawbridge.yaml':
        'credit:\n  x: 1\ntasks:\n  deadline_sec: 5\nproviders:\n  jimneg:\n    url: http://x\n',
    },
  );
  assert.deepEqual(warnings.toSorted(), [
    'DRAWBRIDGE_PROT (process environment) is not a setting and is ignored. Did you mean DRAWBRIDGE_PORT?',
    'DRAWBRIDGE_QUITE_ELSE (process environment) is not a setting and is ignored.',
    'JIMENG_SESIONID (process environment) is not used. Did you mean JIMENG_SESSION_ID?',
    'credit (drawbridge.yaml:1) is not a setting and is ignored. Did you mean credits?',
    'providers.jimneg (drawbridge.yaml:7) is not a known part of "providers". Did you mean providers.jimeng?',
    'tasks.deadline_sec (drawbridge.yaml:4) is not a setting and is ignored. Did you mean tasks.deadline_s?',
  ]);
});

test('a secret may come from a file; a missing or empty file, and both at once, are problems', () => {
  const files = { 'secrets/admin': 'dbk_0123456789abcdefghijkl\n', 'secrets/blank': '\n' };
  const loaded = good({ DRAWBRIDGE_ADMIN_KEY_FILE: 'secrets/admin', DATABASE_URL_FILE: '' }, files);
  assert.equal(loaded.config.adminKey, 'dbk_0123456789abcdefghijkl');
  assert.equal(
    loaded.origins.admin_key,
    'file secrets/admin named by DRAWBRIDGE_ADMIN_KEY_FILE, process environment',
  );
  assert.deepEqual(problemTexts({ DRAWBRIDGE_ADMIN_KEY_FILE: 'nowhere' }), [
    'DRAWBRIDGE_ADMIN_KEY_FILE (process environment) names nowhere, which does not exist.',
  ]);
  assert.deepEqual(problemTexts({ JIMENG_SESSION_ID_FILE: 'secrets/blank' }, files), [
    'JIMENG_SESSION_ID_FILE (process environment) names secrets/blank, which is empty.',
  ]);
  assert.deepEqual(problemTexts({ OPENAI_API_KEY: 'a', OPENAI_API_KEY_FILE: 'secrets/admin' }, files), [
    'OPENAI_API_KEY and OPENAI_API_KEY_FILE are both set (process environment, process environment). Keep one of them.',
  ]);
});

test('drawbridge.yaml may refer to variables; a missing one is named with where it was looked for', () => {
  const yaml = {
    'drawbridge.yaml': `port: \${MY_PORT}
default_model: "a-\${NONE:-b}-$\${c}"
providers:
  jimeng: {url: "http://j:5100", session_id: "\${SECRET}"}
`,
    '.env': 'MY_PORT=7070',
    s: 'from-file',
  };
  const { config, origins } = good({ SECRET_FILE: 's' }, yaml);
  assert.equal(config.port, 7070);
  assert.equal(config.defaultModel, `a-b-$${'{c}'}`);
  assert.deepEqual({ ...config.providers.jimeng }, { url: 'http://j:5100', session_id: 'from-file' });
  assert.equal(origins['providers.jimeng.session_id'], 'drawbridge.yaml:4');
  const [problem] = problemTexts({}, yaml);
  assert.match(
    problem ?? '',
    /^providers\.jimeng\.session_id \(drawbridge\.yaml:4\) refers to \$\{SECRET\}, which is not set\. Looked in the process environment, .*\.env and SECRET_FILE\. Set it/,
  );
});

test('a half configured provider stops the start and says what is missing and where it was looked for', () => {
  const [problem, ...rest] = problemTexts({ JIMENG_URL: 'http://j:5100', JIMENG_SESSION_ID: '' });
  assert.deepEqual(rest, []);
  assert.equal(
    problem,
    `JIMENG_SESSION_ID is missing: JIMENG_URL is set (process environment), so jimeng needs it too. Looked in the process environment (there, but empty), ${cwd}/.env (no such file) and JIMENG_SESSION_ID_FILE, and for providers.jimeng.session_id in drawbridge.yaml (no such file). Set it, or remove the other settings of jimeng.`,
  );
  assert.equal(problemTexts({ CLOUDFLARE_R2_BUCKET: 'b' }).length, 3);
  assert.deepEqual(
    problemTexts({ COMFYUI_SERVER: 'http://c:8188', IMGBB_API_KEY: 'k', JIMENG_SESSION_ID: 's' }),
    [],
  );
});

test('KIE_AI_USER_ID is accepted, unused, and says so', () => {
  const { config, warnings } = good({ KIE_AI_USER_ID: '42' });
  assert.equal(warnings.length, 1);
  assert.match(warnings[0]?.text ?? '', /^KIE_AI_USER_ID \(process environment\) is accepted but not used/);
  assert.equal(config.providers.kie?.user_id, '42');
});

test('every documented name of a provider or store is accepted', () => {
  // Stores check what is in their sections, since no adapter does it later.
  const exampleOf = (field: string, section: string) =>
    section === 'providers' || /url|endpoint|proxy/.test(field)
      ? 'http://x/'
      : field === 'addressing'
        ? 'path'
        : 'some';
  const env = Object.fromEntries(
    EXTERNAL_NAMES.flatMap(({ env: names, field, section }) =>
      names.map((name) => [name, exampleOf(field, section)]),
    ),
  );
  const { config, warnings, presence } = good(env);
  assert.deepEqual(
    warnings.map(({ key }) => key),
    ['KIE_AI_USER_ID'],
  );
  for (const { section, part, field } of EXTERNAL_NAMES)
    assert.equal(config[section][part]?.[field], exampleOf(field, section));
  assert.equal(presence.JIMENG_SESSION_ID, true);
  assert.equal(presence.DATABASE_URL, false);
});

test('K1 no problem, warning, origin or description shows the value of a secret', () => {
  const secret = 'canary-7f3a1b';
  const env = {
    DRAWBRIDGE_ADMIN_KEY: `${secret} with spaces`,
    DRAWBRIDGE_API_KEY: `${secret}\u00e9`,
    DATABASE_URL: `mysql://u:${secret}@db/x`,
    HTTPS_PROXY: `ftp://u:${secret}@proxy`,
    JIMENG_SESSION_ID: secret,
    JIMENG_URL: `http://u:${secret}@jimeng:5100`,
    S3_SECRET_ACCESS_KEY: secret,
    DRAWBRIDGE_PUBLIC_URL: `https://u:${secret}@x.example`,
  };
  const loaded = load(env, { 'drawbridge.yaml': `admin_key: [${secret}]\n` });
  assert.ok(loaded.problems.length >= 5, String(loaded.problems.length));
  assert.ok(!JSON.stringify(loaded).includes(secret));
  const sound = good({
    DRAWBRIDGE_ADMIN_KEY: secret,
    DATABASE_URL: `postgres://u:${secret}@db/x`,
    HTTPS_PROXY: `http://u:${secret}@proxy:3128`,
    JIMENG_URL: `http://u:${secret}@jimeng:5100`,
    JIMENG_SESSION_ID: `${secret},other-secret`,
  });
  const description = JSON.stringify(describeConfig(sound.config));
  assert.ok(!description.includes(secret), description);
  assert.match(
    description,
    /jimeng http:\/\/\[redacted\]@jimeng:5100 \(proxy http:\/\/\[redacted\]@proxy:3128\)/,
  );
  assert.deepEqual(new Set(secretValues(sound.config)), new Set([secret, 'other-secret']));
});

test('drawbridge.yaml: syntax errors, wrong shapes and a missing named file are problems with their place', () => {
  assert.match(
    problemTexts({}, { 'drawbridge.yaml': 'a: 1\n b: [\n' })[0] ?? '',
    /^drawbridge\.yaml:\d+ is not valid YAML/,
  );
  assert.deepEqual(problemTexts({}, { 'drawbridge.yaml': 'log: debug\n' }), [
    'log (drawbridge.yaml:1) must be a section with keys under it.',
  ]);
  assert.match(
    problemTexts({ DRAWBRIDGE_CONFIG: '/etc/none.yaml' })[0] ?? '',
    /^The configuration file \/etc\/none\.yaml, named by DRAWBRIDGE_CONFIG \(process environment\), does not exist\.$/,
  );
  assert.match(
    problemTexts({}, { 'drawbridge.yaml': 'admin_key: 12345678901234567890123456789\n' })[0] ?? '',
    /in quotes/,
  );
});

test('I2 keys such as __proto__ in drawbridge.yaml and the environment pollute nothing', () => {
  load(
    { DRAWBRIDGE_CREDITS_PRICES: '__proto__=1,constructor=2' },
    {
      'drawbridge.yaml':
        '__proto__: {polluted: 1}\nproviders:\n  __proto__: {polluted: 1}\n  constructor: {prototype: {polluted: 1}}\ncredits: {prices: {__proto__: 1}}\n',
    },
  );
  assert.equal(({} as Record<string, unknown>).polluted, undefined);
  assert.equal((Object as unknown as Record<string, unknown>).polluted, undefined);
});

test('variables that Kubernetes sets for a service called drawbridge are ignored', () => {
  const { config, warnings } = good({
    DRAWBRIDGE_PORT: 'tcp://10.0.0.1:80',
    DRAWBRIDGE_PORT_80_TCP_ADDR: '10.0.0.1',
    DRAWBRIDGE_SERVICE_HOST: '10.0.0.1',
  });
  assert.equal(config.port, 8080);
  assert.equal(warnings.length, 1);
});

test('shares of sandbox faults are named, from 0 to 1, and at most 1 together', () => {
  const faults = (text: string) => load({ DRAWBRIDGE_SANDBOX_FAULTS: text });
  assert.deepEqual(
    { ...faults('failed=0.25, lost=0.5').config?.sandbox.faults },
    { failed: 0.25, lost: 0.5 },
  );
  assert.match(
    faults('failled=0.1').problems[0]?.text ?? '',
    /has an unknown name: failled\. Did you mean failed\?/,
  );
  assert.match(faults('failed=2').problems[0]?.text ?? '', /entry failed, must be at most 1, but is "2"/);
  assert.match(faults('failed=0.6,lost=0.6').problems[0]?.text ?? '', /must not be more than 1 together/);
  assert.match(faults('failed').problems[0]?.text ?? '', /must be a list of name=number, but is "failed"/);
});

test('a short admin key is warned about', () => {
  assert.match(warningTexts({ DRAWBRIDGE_ADMIN_KEY: 'secret123' })[0] ?? '', /is short and has every right/);
});

test('every setting reaches the configuration', () => {
  const read = new Set<string>();
  const spy = (node: object, prefix: string): object =>
    new Proxy(node, {
      get(target, name) {
        const value = Reflect.get(target, name);
        if (typeof name !== 'string') return value;
        const key = prefix === '' ? name : `${prefix}.${name}`;
        read.add(key);
        return value !== null && typeof value === 'object' && !Array.isArray(value) ? spy(value, key) : value;
      },
    });
  const settings = settingsSchema.parse({});
  toConfig(spy(settings, '') as typeof settings, { cwd, portFromPlatform: false });
  assert.deepEqual(
    allSettings()
      .map(({ key }) => key)
      .filter((key) => !read.has(key)),
    [],
  );
});

test('names in the environment are mechanical, unique and all documented', () => {
  const settings = allSettings();
  const names = [...settings, ...EXTERNAL_NAMES].flatMap(({ env }) => env);
  assert.equal(new Set(names).size, names.length);
  assert.ok(names.includes('DRAWBRIDGE_CREDITS_STARTING_GRANT'));
  const docs = renderConfigurationDocs();
  const example = renderEnvExample();
  for (const name of names) assert.ok(docs.includes(`\`${name}\``), name);
  for (const { env } of [...settings, ...EXTERNAL_NAMES])
    assert.ok(example.includes(`\n#${env[0]}=`), env[0]);
  assert.ok(settings.every(({ meaning }) => meaning !== ''));
  assert.equal(readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8'), docs);
  assert.equal(readFileSync(new URL('../../.env.example', import.meta.url), 'utf8'), example);
});

test('the schema of drawbridge.yaml is JSON Schema with a description for each key', () => {
  const schema = configJsonSchema() as { properties: { port: { description: string } } };
  assert.match(schema.properties.port.description, /Port to listen on/);
});
