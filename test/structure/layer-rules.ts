// Who may import whom, and who may touch which table.
import { lineAt, matches, type Project, programFiles, sliceOf, type Violation } from './project.ts';
import type { SourceFile, SourceImport } from './source-text.ts';

/** Files directly in src/: they put the program together and may import every slice. */
const TOP_FILES = new Set([
  'src/app.ts',
  'src/app-parts.ts',
  'src/main.ts',
  'src/generate.ts',
  'src/contracts.ts',
  'src/web-app.ts',
  'src/warm-cache.ts',
]);

/** Files beside face and contract that other slices import, and what they are. */
const INTERFACES: Record<string, string> = {
  'src/providers/provider.ts': 'the interface between the task engine and the adapters',
  'src/providers/chat/chat.ts': 'the interface between stories and their writers',
};

/** What the studio may take from src/ beside contracts: the words it shows as values, the rest as types. */
const WEB_VALUES = /^src\/kernel\/messages\/[a-z]+(?:-[a-z]+)+\.ts$/;
const WEB_TYPES = /^src\/(?:[a-z]+\/contract|kernel\/(?:errors|route))\.ts$/;

function eachImport(
  files: Iterable<SourceFile>,
  check: (file: SourceFile, one: SourceImport) => string | null,
) {
  const violations: Violation[] = [];
  for (const file of files) {
    for (const one of file.imports) {
      const problem = check(file, one);
      if (problem) violations.push({ path: file.path, line: lineOfImport(file, one), problem });
    }
  }
  return violations;
}

function lineOfImport(file: SourceFile, { target }: SourceImport): number {
  const tail = target.split('/').at(-1) ?? target;
  return lineAt(file.withoutComments, Math.max(0, file.withoutComments.indexOf(`${tail}'`)));
}

/** A slice imports slices of a lower rank only; what is higher up is reached through the outbox or a parameter. */
export function checkRank(project: Project): Violation[] {
  const position = new Map(project.rank.map((slice, index) => [slice, index]));
  const unknown = programFiles(project)
    .filter(({ path }) => !TOP_FILES.has(path) && position.get(sliceOf(path) ?? '') === undefined)
    .map(({ path }) => ({
      path,
      line: 1,
      problem: 'belongs to no slice of the rank list in docs/architecture.md',
    }));
  const upward = eachImport(programFiles(project), ({ path }, { target }) => {
    const from = sliceOf(path);
    if (!from || !target.startsWith('src/')) return null;
    const to = sliceOf(target);
    if (!to) return `${from} imports ${target}, which stands above every slice`;
    return (position.get(to) ?? 0) > (position.get(from) ?? 0)
      ? `${from} imports ${to}, which ranks higher`
      : null;
  });
  return [...unknown, ...upward];
}

/** Other slices see only a slice's face and its contract. */
export function checkFaces(project: Project): Violation[] {
  return eachImport(programFiles(project), ({ path }, { target }) => {
    const from = sliceOf(path);
    const to = sliceOf(target);
    if (!from || !to || from === to || to === 'kernel') return null;
    if (target === `src/${to}/${to}.ts` || target === `src/${to}/contract.ts` || target in INTERFACES)
      return null;
    return `imports ${target}; other slices import only src/${to}/${to}.ts and src/${to}/contract.ts`;
  });
}

/** What adapters have in common; it knows none of them. */
const SHARED_BY_ADAPTERS = 'src/providers/adapter/';

/** An adapter is a translator: it knows its own folder, what adapters share, the provider interface and the kernel. */
export function checkAdapters(project: Project): Violation[] {
  return eachImport(programFiles(project), ({ path }, { target, relative }) => {
    const folder = /^(src\/providers\/[^/]+\/)/.exec(path)?.[1];
    if (!folder || !relative) return null;
    if (
      target.startsWith(folder) ||
      target.startsWith(SHARED_BY_ADAPTERS) ||
      target.startsWith('src/kernel/') ||
      target === 'src/providers/provider.ts'
    )
      return null;
    return `imports ${target}; an adapter imports only its own folder, ${SHARED_BY_ADAPTERS}, src/providers/provider.ts and the kernel`;
  });
}

const QUERY =
  /\.(?:selectFrom|insertInto|replaceInto|updateTable|deleteFrom|mergeInto)\s*\(|\bsql(?:<[^`;]*?>)?`/g;

/** Queries live in stores, where they can be read together and counted. */
export function checkQueries(project: Project): Violation[] {
  return programFiles(project)
    .filter(({ path }) => sliceOf(path) !== 'kernel' && !/(?:^|[/-])store\.ts$/.test(path))
    .flatMap((file) => matches(file, QUERY, 'a query outside store.ts: $0'));
}

/** The names declared directly in the `interface Tables {…}` blocks of a file. */
function tablesIn(code: string): string[] {
  return [...code.matchAll(/\binterface Tables\s*\{/g)].flatMap(({ index, 0: head }) => {
    let depth = 1;
    let direct = '';
    for (let i = index + head.length; i < code.length && depth > 0; i += 1) {
      if (code[i] === '{') depth += 1;
      else if (code[i] === '}') depth -= 1;
      else if (depth === 1) direct += code[i];
    }
    return [...direct.matchAll(/(\w+)\??\s*:/g)].map((match) => match[1] ?? '');
  });
}

/** Table → the slice whose file declares it. */
function tableOwners(project: Project): Map<string, string> {
  return new Map(
    programFiles(project).flatMap(({ path, code }) =>
      tablesIn(code).map((table) => [table, sliceOf(path) ?? path] as const),
    ),
  );
}

/** A slice's tables are written by its own store alone. */
export function checkTableWriters(project: Project): Violation[] {
  const owners = tableOwners(project);
  const write = /\.(?:insertInto|replaceInto|updateTable|deleteFrom|mergeInto)\s*\(\s*'(\w+)/g;
  return programFiles(project).flatMap((file) =>
    [...file.withoutComments.matchAll(write)].flatMap((match) => {
      const owner = owners.get(match[1] ?? '');
      if (!owner || owner === sliceOf(file.path)) return [];
      const line = lineAt(file.withoutComments, match.index);
      return [{ path: file.path, line, problem: `writes the table ${match[1]}, which belongs to ${owner}` }];
    }),
  );
}

/** The studio takes types from contracts, and one value: the message catalogue. */
export function checkWebImports(project: Project): Violation[] {
  const web = [...project.files.values()].filter(({ path }) => path.startsWith('web/'));
  return eachImport(web, (_file, { target, typeOnly }) => {
    if (!target.startsWith('src/')) return null;
    if (WEB_VALUES.test(target)) return null;
    if (!WEB_TYPES.test(target)) {
      return `imports ${target}; the web app imports contract.ts files (types) and src/kernel/messages/ only`;
    }
    return typeOnly ? null : `imports values from ${target}; use "import type"`;
  });
}

/** Import cycles that exist when the program runs; types may refer to each other. */
export function checkCycles(project: Project): Violation[] {
  const violations: Violation[] = [];
  const done = new Set<string>();
  const visit = (path: string, trail: string[]): void => {
    const start = trail.indexOf(path);
    if (start >= 0) {
      violations.push({
        path,
        line: 1,
        problem: `import cycle: ${[...trail.slice(start), path].join(' → ')}`,
      });
      return;
    }
    if (done.has(path)) return;
    for (const { target, typeOnly } of project.files.get(path)?.imports ?? []) {
      if (!typeOnly && project.files.has(target)) visit(target, [...trail, path]);
    }
    done.add(path);
  };
  for (const path of project.files.keys()) visit(path, []);
  return violations;
}

/** A contract that src/contracts.ts leaves out would be missing from openapi.json and /docs. */
export function checkContracts({ files }: Project): Violation[] {
  const listed = new Set(files.get('src/contracts.ts')?.imports.map(({ target }) => target));
  return [...files.keys()]
    .filter((path) => /^src\/[^/]+\/contract\.ts$/.test(path) && !listed.has(path))
    .map((path) => ({ path, line: 1, problem: 'is not imported by src/contracts.ts' }));
}
