// Prints what the program consists of as a CycloneDX list: `node test/security/sbom.ts > sbom.json`. It is read from the lock
// file alone, since `npm sbom --omit=dev` leaves out packages that the program shares with its tests; the same lock file
// always gives the same list.
import { pathToFileURL } from 'node:url';
import { type LockFile, packageName, readLockFile } from './lock-file.ts';

interface Component {
  type: 'library';
  'bom-ref': string;
  name: string;
  version: string;
  purl: string;
  scope: 'required' | 'optional';
  hashes: { alg: 'SHA-512'; content: string }[];
  licenses: ({ expression: string } | { license: { name: string } })[];
}

export interface Sbom {
  bomFormat: 'CycloneDX';
  specVersion: '1.6';
  version: 1;
  metadata: { component: { type: 'application'; 'bom-ref': string; name: string; version: string } };
  components: Component[];
  dependencies: { ref: string; dependsOn: string[] }[];
}

/** Every package of the program, those for other platforms included (`optional`), and what each needs. */
export function sbomOf({ name, version, packages }: LockFile): Sbom {
  const root = `${name}@${version}`;
  const refOf = (path: string) => (path === '' ? root : `${packageName(path)}@${packages[path]?.version}`);
  const paths = Object.keys(packages).filter((path) => packages[path]?.dev !== true);
  const parts = new Map<string, Component>();
  const needs = new Map<string, Set<string>>();
  for (const path of paths) {
    const entry = packages[path];
    if (!entry) continue;
    if (path !== '') parts.set(refOf(path), componentOf(refOf(path), packageName(path), entry));
    const known = needs.get(refOf(path)) ?? new Set();
    for (const dependency of Object.keys({ ...entry.dependencies, ...entry.optionalDependencies })) {
      const found = resolved(path, dependency, packages);
      if (found !== undefined) known.add(refOf(found));
    }
    needs.set(refOf(path), known);
  }
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: { component: { type: 'application', 'bom-ref': root, name, version } },
    components: [...parts.values()].sort((one, other) => (one['bom-ref'] < other['bom-ref'] ? -1 : 1)),
    dependencies: [...needs].map(([ref, on]) => ({ ref, dependsOn: [...on].sort() })),
  };
}

function componentOf(ref: string, name: string, entry: LockFile['packages'][string]): Component {
  const { version = '', license, integrity } = entry;
  const hash = integrity?.match(/sha512-(\S+)/)?.[1];
  return {
    type: 'library',
    'bom-ref': ref,
    name,
    version,
    purl: `pkg:npm/${name.replace('@', '%40')}@${version}`,
    scope: entry.optional === true || entry.devOptional === true ? 'optional' : 'required',
    hashes:
      hash === undefined ? [] : [{ alg: 'SHA-512', content: Buffer.from(hash, 'base64').toString('hex') }],
    licenses: license === undefined ? [] : [licenceOf(license)],
  };
}

/** An SPDX expression, or the words of who did not use one. */
function licenceOf(text: string): Component['licenses'][number] {
  return /^[\w.+() -]+$/.test(text) && !/^see /i.test(text)
    ? { expression: text }
    : { license: { name: text } };
}

/** Where Node finds `name` from the package at `path`: its own folder of packages, else the nearest one above. */
function resolved(path: string, name: string, packages: LockFile['packages']): string | undefined {
  const levels = path.split('/node_modules/');
  for (let depth = path === '' ? 0 : levels.length; depth >= 0; depth -= 1) {
    const above = levels.slice(0, depth).join('/node_modules/');
    const candidate = `${above === '' ? '' : `${above}/`}node_modules/${name}`;
    if (packages[candidate]) return candidate;
  }
  return undefined;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href)
  process.stdout.write(`${JSON.stringify(sbomOf(readLockFile()), null, 2)}\n`);
