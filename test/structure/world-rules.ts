// The world comes in through a few doors - environment, network, time, chance - so that tests can stand in them;
// and the names, sizes and comparisons that every file keeps to.
import { isTest, lineAt, matches, type Project, programFiles, sliceOf, type Violation } from './project.ts';
import { functionLengths, type SourceFile } from './source-text.ts';

/** Files that may look at the time themselves, and why no Clock can reach them. */
const OWN_TIME: Record<string, string> = {
  'src/kernel/clock.ts': 'it is the clock',
};

/** Files beside kernel/outbound*.ts that may open connections, and why those are not calls to the outside. */
const OWN_CONNECTIONS: Record<string, string> = {};

/** Files whose comparisons are about something else, and what. */
const OWN_COMPARISONS: Record<string, string> = {
  'src/credits/verify.ts': 'it compares the hashes of the ledger, which are no secrets',
  'src/kernel/redact.ts': 'it looks for secrets in texts in order to hide them',
};

/** Names that the comparison rule would take for secrets, and what they are. */
const NOT_SECRET: Record<string, string> = {
  requestHash: 'tells whether an Idempotency-Key was used with another body',
  request_hash: 'tells whether an Idempotency-Key was used with another body',
};

const FORBIDDEN_NAMES = /(?:^|\/)(?:index|utils?|types|constants|helpers|common|misc)(?:\.test)?\.tsx?$/;
const SERVER_NAME = /^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.test)?\.ts$/;
const MIGRATION_NAME = /^\d{4}_[a-z0-9_]+\.ts$/;

export const AIM_FILE_LINES = 400;
export const AIM_FUNCTION_LINES = 70;
const MOST_FILE_LINES = 600;
const MOST_FUNCTION_LINES = 120;

/** Settings come from the configuration, which names, checks and documents them. */
export function checkEnvironment(project: Project): Violation[] {
  const pattern = /\bprocess\s*\.\s*(?:env|loadEnvFile)\b|\{[^}]*\benv\b[^}]*\}\s*=\s*process\b/g;
  return programFiles(project)
    .filter(({ path }) => path !== 'src/kernel/config.ts')
    .flatMap((file) => matches(file, pattern, '$0 outside src/kernel/config.ts'));
}

const CONNECTING_NAMES = new Set([
  'request',
  'get',
  'connect',
  'createConnection',
  'Agent',
  'ClientRequest',
  'Socket',
]);
const CONNECTING_MODULES = new Set(['node:http', 'node:https', 'node:http2', 'node:net', 'node:tls']);

/** Calls to other machines go through one file that checks addresses, sizes and times. */
export function checkOutbound(project: Project): Violation[] {
  return programFiles(project)
    .filter(({ path }) => !/^src\/kernel\/outbound[\w-]*\.ts$/.test(path) && !(path in OWN_CONNECTIONS))
    .flatMap((file) => {
      const problem = 'outside src/kernel/outbound*.ts';
      const modules = file.imports
        .filter(({ typeOnly }) => !typeOnly)
        .flatMap(({ target, names }) => {
          if (target === 'undici' || target === 'axios') return [target];
          return CONNECTING_MODULES.has(target) ? names.filter((name) => CONNECTING_NAMES.has(name)) : [];
        });
      return [
        ...matches(
          file,
          /(?<![.\w$#]|function )fetch\s*\(|\bglobalThis\.fetch\b|\bnew WebSocket\b|\bnew EventSource\b/g,
          `$0 ${problem}`,
        ),
        ...modules.map((name) => ({ path: file.path, line: 1, problem: `imports ${name} ${problem}` })),
      ];
    });
}

/** Whatever waits or stamps takes a Clock, so that a test can turn it. */
export function checkTime(project: Project): Violation[] {
  const pattern =
    /\bDate\.now\b|\bnew Date\(\s*\)|\b(?:setTimeout|setInterval)\b|\bperformance\.now\b|\bprocess\.hrtime\b|\bAbortSignal\.timeout\b/g;
  return programFiles(project)
    .filter(({ path }) => !(path in OWN_TIME))
    .flatMap((file) => [
      ...matches(file, pattern, '$0 outside src/kernel/clock.ts'),
      ...file.imports
        .filter(({ target }) => /^node:timers/.test(target))
        .map(({ target }) => ({
          path: file.path,
          line: 1,
          problem: `imports ${target} outside src/kernel/clock.ts`,
        })),
    ]);
}

/** Chance is either cryptographic or seeded. */
export function checkRandomness({ files }: Project): Violation[] {
  return [...files.values()].flatMap((file) =>
    matches(file, /\bMath\.random\b/g, '$0; use node:crypto, or a seeded generator'),
  );
}

/** Exceptions that are no longer needed must go. */
export function checkExceptions({ files }: Project): Violation[] {
  return [...Object.keys(OWN_TIME), ...Object.keys(OWN_CONNECTIONS), ...Object.keys(OWN_COMPARISONS)]
    .filter((path) => !files.has(path))
    .map((path) => ({
      path,
      line: 1,
      problem: 'is listed as an exception in test/structure/world-rules.ts but does not exist',
    }));
}

export function checkNames({ files }: Project): Violation[] {
  const violations: Violation[] = [];
  for (const file of files.values()) {
    const { path } = file;
    const report = (problem: string) => violations.push({ path, line: 1, problem });
    const name = path.split('/').at(-1) ?? path;
    if (FORBIDDEN_NAMES.test(path))
      report('a file is named after what it holds, not index, utils, types, constants, …');
    if (path.startsWith('src/') && !SERVER_NAME.test(name)) report('file names are kebab-case');
    if (path.startsWith('migrations/') && !MIGRATION_NAME.test(name))
      report('migrations are named NNNN_name.ts');
    violations.push(...matches(file, /^export default\b|\bas default\b/gm, 'a default export'));
  }
  return violations;
}

/** The text with everything but its comments blanked out. */
function commentsOf({ text, withoutComments }: SourceFile): string {
  return text.replaceAll(/[^\n]/g, (char, index: number) => (withoutComments[index] === char ? ' ' : char));
}

/** The first lines of a file say what it owns; nothing in it waits to be done. */
export function checkComments(project: Project): Violation[] {
  return [...project.files.values()].flatMap((file) => {
    const { path, text } = file;
    const unexplained = path.startsWith('src/') && !isTest(path) && !text.startsWith('// ');
    return [
      ...(unexplained
        ? [{ path, line: 1, problem: 'opens without a comment that says what the file owns' }]
        : []),
      ...matches(file, /\b(?:TODO|FIXME|XXX|HACK)\b/g, 'an open end: $0', commentsOf(file)),
    ];
  });
}

const SECRET_NAME = String.raw`[\w$.#]*(?:token|secret|hash|password|apikey|api_key|digest|signature)`;
/** Comparing with these tells nothing about a secret. */
const HARMLESS = String.raw`(?:null|undefined|true|false|typeof|['"\x60\d]|-\d)`;
const COMPARISONS = [
  new RegExp(String.raw`(?<![\w$.#])(${SECRET_NAME})\s*[!=]==?\s*(?!${HARMLESS})[\w$(]`, 'gi'),
  new RegExp(
    String.raw`(?<!typeof )(?<![\w$.#])[\w$)\]][\w$.#()[\]]*\s*[!=]==?\s*(${SECRET_NAME})(?![\w$.(])`,
    'gi',
  ),
  new RegExp(String.raw`\.(?:indexOf|includes)\(\s*(${SECRET_NAME})\s*\)`, 'gi'),
];

/** Secrets are compared in constant time (`equalSecrets`), or looked up by their digest in the database. */
export function checkSecretComparisons(project: Project): Violation[] {
  return programFiles(project)
    .filter(({ path }) => !(path in OWN_COMPARISONS))
    .flatMap((file) =>
      COMPARISONS.flatMap((pattern) =>
        [...file.code.matchAll(pattern)]
          .filter((match) => !isHarmless(match[0]))
          .map((match) => ({
            path: file.path,
            line: lineAt(file.code, match.index),
            problem: `compares what looks like a secret: ${match[0].trim()}`,
          })),
      ),
    );
}

/** Whether one side is a known name that is no secret, or a plain value on the left. */
function isHarmless(comparison: string): boolean {
  if (comparison.match(/\w+/g)?.some((name) => name in NOT_SECRET)) return true;
  const left = comparison.split(/[!=]==?/)[0]?.trim() ?? '';
  return /^(?:null|undefined|true|false|\d+)$/.test(left);
}

const lineCount = ({ text }: SourceFile) => text.split('\n').length - 1;

function sizes(project: Project, fileLines: number, functionLines: number): Violation[] {
  const code = [...project.files.values()].filter(({ path }) => !isTest(path) || path.startsWith('test/'));
  return code.flatMap((file) => {
    const { path } = file;
    // A catalogue of texts is as long as there are texts.
    const isCatalogue = path.startsWith('src/kernel/messages/');
    const lines = lineCount(file);
    const long = isTest(path) ? [] : functionLengths(file).filter((one) => one.lines > functionLines);
    return [
      ...(lines > fileLines && !isCatalogue ? [{ path, line: 1, problem: `${lines} lines` }] : []),
      ...long.map((one) => ({ path, line: one.line, problem: `a function of ${one.lines} lines` })),
    ];
  });
}

/** Files and functions that are longer than they should ever be. */
export function checkSizes(project: Project): Violation[] {
  return sizes(project, MOST_FILE_LINES, MOST_FUNCTION_LINES);
}

/** Files and functions beyond the aim: reported, not refused. */
export function reportSizes(project: Project): Violation[] {
  return sizes(project, AIM_FILE_LINES, AIM_FUNCTION_LINES);
}

/** Each slice that has routes keeps the same anatomy. */
export function checkAnatomy({ files }: Project): Violation[] {
  const violations: Violation[] = [];
  for (const path of files.keys()) {
    const slice = sliceOf(path);
    if (!slice || slice === 'kernel' || path !== `src/${slice}/routes.ts`) continue;
    for (const partner of ['contract.ts', `${slice}.ts`]) {
      if (files.has(`src/${slice}/${partner}`)) continue;
      violations.push({ path, line: 1, problem: `has routes but no src/${slice}/${partner}` });
    }
  }
  return violations;
}
