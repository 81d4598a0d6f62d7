// The rules of docs/architecture.md and AGENTS.md that a machine can check, on the repository itself;
// and for each rule an example that breaks it, so that a rule which no longer finds anything is noticed.
import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import {
  checkAdapters,
  checkContracts,
  checkCycles,
  checkFaces,
  checkQueries,
  checkRank,
  checkTableWriters,
  checkWebImports,
} from './structure/layer-rules.ts';
import { type Project, projectOf, readProject, readRank, type Violation } from './structure/project.ts';
import { functionLengths, readSource } from './structure/source-text.ts';
import {
  AIM_FILE_LINES,
  AIM_FUNCTION_LINES,
  checkAnatomy,
  checkComments,
  checkEnvironment,
  checkExceptions,
  checkNames,
  checkOutbound,
  checkRandomness,
  checkSecretComparisons,
  checkSizes,
  checkTime,
  reportSizes,
} from './structure/world-rules.ts';

interface Rule {
  title: string;
  check: (project: Project) => Violation[];
  /** Texts by path, each of which breaks the rule on its own or with the others. */
  broken: Record<string, string>;
  /** Texts by path that look alike and are allowed. */
  allowed?: Record<string, string>;
}

const RANK = ['kernel', 'accounts', 'credits', 'media', 'providers', 'tasks', 'cli'];
const long = (count: number) => 'x();\n'.repeat(count);

const RULES: Rule[] = [
  {
    title: 'a slice imports lower ranks only',
    check: checkRank,
    broken: {
      'src/credits/store.ts': "// A\nimport { x } from '../tasks/tasks.ts';",
      'src/media/store.ts': "// A\nimport type { x } from '../app.ts';",
      'src/misplaced/a.ts': '// A',
      'src/loose.ts': '// A',
      'src/accounts/a.ts': "// A\nconst x = await import('../tasks/tasks.ts');",
    },
    allowed: {
      'src/tasks/store.ts': "// A\nimport { x } from '../credits/credits.ts';",
      'src/app.ts': "// A\nimport { x } from './cli/cli.ts';",
      'src/kernel/a.test.ts': "import { x } from '../tasks/tasks.ts';",
    },
  },
  {
    title: "other slices import only a slice's face and contract",
    check: checkFaces,
    broken: { 'src/tasks/a.ts': "// A\nimport { hold } from '../credits/store.ts';" },
    allowed: {
      'src/tasks/b.ts':
        "// A\nimport { hold } from '../credits/credits.ts';\nimport { c } from '../credits/contract.ts';",
      'src/credits/a.ts': "// A\nimport { hold } from './store.ts';\nimport { id } from '../kernel/id.ts';",
    },
  },
  {
    title: 'adapters import the provider interface and the kernel only',
    check: checkAdapters,
    broken: {
      'src/providers/kie/adapter.ts': "// A\nimport { x } from '../providers.ts';",
      'src/providers/jimeng/adapter.ts': "// A\nimport { x } from '../kie/adapter.ts';",
    },
    allowed: {
      'src/providers/openai/adapter.ts': "// A\nimport { x } from '../provider.ts';\nimport y from 'sharp';",
    },
  },
  {
    title: 'queries are in store.ts',
    check: checkQueries,
    broken: {
      'src/tasks/run.ts': "// A\nawait db.read.selectFrom('tasks').execute();",
      'src/credits/verify.ts': '// A\nawait sql<{ n: number }>`select 1`.execute(db);',
    },
    allowed: {
      'src/tasks/store.ts': "// A\nawait trx.insertInto('tasks').execute();",
      'src/tasks/claim-store.ts': '// A\nawait sql`select 1`.execute(trx);',
      'src/tasks/tell.ts': '// A .selectFrom() in a comment, and in "a .selectFrom(string"',
    },
  },
  {
    title: "a slice's tables are written by its own store",
    check: checkTableWriters,
    broken: {
      'src/credits/store.ts':
        "// A\ndeclare module '../kernel/db.ts' { interface Tables { a: { id: string }; entries: Entry } }",
      'src/tasks/store.ts': "// A\nawait trx.updateTable('entries').set({}).execute();",
    },
    allowed: {
      'src/media/store.ts':
        "// A\ndeclare module '../kernel/db.ts' { interface Tables { images: Row; } }\ntrx.deleteFrom('images');",
      'src/tasks/store.ts': "// A\nawait trx.selectFrom('images').execute();",
    },
  },
  {
    title: 'the web app imports types of contracts and its messages',
    check: checkWebImports,
    broken: {
      'web/src/a.ts': "import { x } from '../../src/tasks/contract.ts';",
      'web/src/b.ts': "import type { x } from '../../src/tasks/store.ts';",
      'web/src/c.ts': "import { ERROR_CODES } from '../../src/kernel/errors.ts';",
    },
    allowed: {
      'web/src/d.ts':
        "import type { x } from '../../src/tasks/contract.ts';\nimport { webEn } from '../../src/kernel/messages/web-en.ts';",
    },
  },
  {
    title: 'imports form no cycle',
    check: checkCycles,
    broken: {
      'src/media/a.ts': "// A\nimport { b } from './b.ts';",
      'src/media/b.ts': "// A\nexport { c } from './c.ts';",
      'src/media/c.ts': "// A\nimport { a } from './a.ts';",
    },
    allowed: {
      'src/media/a.ts': "// A\nimport { b } from './b.ts';",
      'src/media/b.ts': "// A\nimport type { a } from './a.ts';",
    },
  },
  {
    title: 'the environment is read in src/kernel/config.ts',
    check: checkEnvironment,
    broken: {
      'src/kernel/log.ts': '// A\nconst level = process.env.LEVEL;',
      'src/cli/a.ts': '// A\nconst { env } = process;',
    },
    allowed: {
      'src/kernel/config.ts': '// A\nreturn process.env;',
      'src/kernel/a.ts': "// A process.env\nconst x = 'process.env';",
    },
  },
  {
    title: 'connections are opened in src/kernel/outbound*.ts',
    check: checkOutbound,
    broken: {
      'src/media/a.ts': "// A\nconst answer = await fetch('https://example.com');",
      'src/media/b.ts': "// A\nimport { request } from 'undici';",
      'src/media/c.ts': "// A\nimport { createServer, request } from 'node:http';",
      'src/media/d.ts': "// A\nimport { connect } from 'node:net';",
    },
    allowed: {
      'src/kernel/outbound-http.ts': "// A\nimport { request } from 'undici';",
      'src/media/e.ts':
        "// A\nimport { STATUS_CODES } from 'node:http';\nimport type { Agent } from 'node:http';\nconst a = await outbound.fetch('x');",
    },
  },
  {
    title: 'time comes from src/kernel/clock.ts',
    check: checkTime,
    broken: {
      'src/tasks/a.ts': '// A\nconst now = Date.now();',
      'src/tasks/b.ts': '// A\nsetTimeout(run, 5);',
      'src/tasks/c.ts': "// A\nimport { setTimeout as wait } from 'node:timers/promises';",
      'src/tasks/d.ts': '// A\nconst now = new Date();',
      'src/tasks/e.ts': '// A\nconst signal = AbortSignal.timeout(5);',
    },
    allowed: { 'src/kernel/clock.ts': '// A\nDate.now();', 'src/tasks/f.ts': '// A\nnew Date(clock.now());' },
  },
  {
    title: 'no Math.random',
    check: checkRandomness,
    broken: { 'web/src/a.ts': 'const id = Math.random();', 'test/a.ts': 'const id = Math.random();' },
  },
  {
    title: 'exceptions name files that exist',
    check: checkExceptions,
    broken: { 'src/tasks/a.ts': '// A' },
    allowed: Object.fromEntries([...readProject().files].map(([path, { text }]) => [path, text])),
  },
  {
    title: 'names say what is inside',
    check: checkNames,
    broken: {
      'src/tasks/index.ts': '// A',
      'src/tasks/utils.ts': '// A',
      'web/src/types.ts': '',
      'src/tasks/taskRunner.ts': '// A',
      'migrations/first.ts': '',
      'src/tasks/a.ts': '// A\nexport default 5;',
      'src/tasks/b.ts': '// A\nexport { b as default };',
    },
    allowed: {
      'src/tasks/task-runner.ts': '// A',
      'migrations/0001_first.ts': '',
      'web/src/StudioPage.tsx': '',
    },
  },
  {
    title: 'files say what they own and leave no open ends',
    check: checkComments,
    broken: { 'src/tasks/a.ts': 'export const a = 1;', 'src/tasks/b.ts': '// B\n// TODO: later' },
    allowed: { 'src/tasks/c.ts': '// C', 'src/tasks/c.test.ts': '' },
  },
  {
    title: 'secrets are not compared with ===',
    check: checkSecretComparisons,
    broken: {
      'src/accounts/a.ts': '// A\nif (token === row.token) return;',
      'src/accounts/b.ts': '// A\nif (given !== this.#secret) return;',
      'src/accounts/c.ts': '// A\nif (sha256Hex(key) === row.key_hash) return;',
      'src/accounts/d.ts': '// A\nif (known.includes(apiKey)) return;',
    },
    allowed: {
      'src/accounts/e.ts':
        "// A\nif (token === undefined || null !== secret || typeof token === 'string') return;",
      'src/accounts/f.ts': '// A\nif (secret.length === 5 || row.requestHash !== input.requestHash) return;',
      'src/accounts/g.ts': "// A\nif (token !== '' && tokenCount === limit) return;",
    },
  },
  {
    title: 'files and functions stay readable',
    check: checkSizes,
    broken: {
      'src/tasks/a.ts': `// A\n${long(650)}`,
      'src/tasks/b.ts': `// A\nexport async function run(a: { b: string }): Promise<{ c: string }> {\n${long(125)}}\n`,
      'src/tasks/c.ts': `// A\nconst run = (a: string) => {\n${long(125)}};\n`,
    },
    allowed: { 'src/tasks/d.ts': `// A\nif (a) {\n${long(125)}}\n` },
  },
  {
    title: 'every contract is listed in src/contracts.ts',
    check: checkContracts,
    broken: { 'src/credits/contract.ts': '// A' },
    allowed: {
      'src/credits/contract.ts': '// A',
      'src/contracts.ts': "// A\nimport * as credits from './credits/contract.ts';",
    },
  },
  {
    title: 'a slice with routes has a contract and a face',
    check: checkAnatomy,
    broken: { 'src/tasks/routes.ts': '// A' },
    allowed: { 'src/tasks/routes.ts': '// A', 'src/tasks/contract.ts': '// A', 'src/tasks/tasks.ts': '// A' },
  },
];

const show = ({ path, line, problem }: Violation) => `${path}:${line} ${problem}`;
const repository = readProject();

for (const { title, check, broken, allowed = {} } of RULES) {
  test(title, () => {
    const violations = check(repository).map(show);
    assert.equal(violations.length, 0, `\n${violations.join('\n')}\n`);
  });

  test(`the rule notices: ${title}`, () => {
    const found = new Set(check(projectOf(broken, RANK)).map(({ path }) => path));
    const missed = Object.keys(broken).filter((path) => !found.has(path));
    // Some rules need several files to be broken; then one of them is blamed.
    const blamed = [checkCycles, checkTableWriters].includes(check) ? found.size > 0 : missed.length === 0;
    if (check !== checkExceptions) assert.ok(blamed, `not noticed: ${missed.join(', ')}`);
    assert.ok(found.size > 0);
    assert.deepEqual(check(projectOf(allowed, RANK)).map(show), []);
  });
}

test('links between the documents lead somewhere', () => {
  const broken = globSync(['*.md', 'docs/**/*.md']).flatMap((path) =>
    [...readFileSync(path, 'utf8').matchAll(/\]\((?!https?:|#|mailto:)([^)#]+)/g)]
      .map((match) => match[1] ?? '')
      .filter((target) => !existsSync(join(dirname(path), target)))
      .map((target) => `${path} → ${target}`),
  );
  assert.deepEqual(broken, []);
});

test('the rank list is read from the document', () => {
  assert.deepEqual(readRank('# A\n\n```\nkernel < accounts < credits\n```\n'), [
    'kernel',
    'accounts',
    'credits',
  ]);
  assert.throws(() => readRank('# A'), /no line that begins with/);
});

test('comments, strings, templates and regular expressions are told apart', () => {
  const text =
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is source text
    'const a = `x ${b("}")} // no`; // yes\nconst c = /[/"]\\//.test(d) / 2; /* { */ const e = \'{\';\n';
  const { code, withoutComments } = readSource('src/a.ts', text);
  assert.equal(code.length, text.length);
  assert.match(withoutComments, /\/\/ no`; {7}\n/);
  assert.ok(!code.includes('no') && !code.includes('yes'));
  assert.deepEqual(code.match(/[{}]/g), ['{', '}']);
});

test('functions are measured', () => {
  const text =
    'function a(): { b: 1 } {\n  if (x) {\n    y();\n  }\n}\nclass B {\n  async #c(d = {}) {\n  }\n}\n';
  assert.deepEqual(functionLengths(readSource('src/a.ts', text)), [
    { line: 1, lines: 5 },
    { line: 7, lines: 2 },
  ]);
});

test(`files aim at ${AIM_FILE_LINES} lines, functions at ${AIM_FUNCTION_LINES}`, (t) => {
  for (const violation of reportSizes(repository)) t.diagnostic(show(violation));
});
