// What is installed is what was locked and looked at: every package comes from the registry by its hash, none runs a program
// of its own when it is installed, and the list of what a release consists of can be printed.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { z } from 'zod';
import { readAdvisories, readSignatures } from './audit.ts';
import { type LockFile, packageName, readLockFile } from './lock-file.ts';
import { sbomOf } from './sbom.ts';

/**
 * Packages that would run a program when they are installed, each read at this version. None is needed: they compile a faster
 * variant of something that the package also has in JavaScript, so all of them are denied in `allowScripts` of package.json.
 */
const REVIEWED_INSTALL_SCRIPTS: Readonly<Record<string, string>> = {
  'cpu-features@0.0.10': 'asks the processor whether it has AES, for the order of ciphers that ssh2 offers',
  'msgpackr-extract@3.0.4': 'faster strings for msgpackr, which only a measurement uses',
  'ssh2@1.17.0': 'a cipher in C++; without it ssh2 uses the one of Node',
};
/** Fields by which an installation would run something that is in the checkout and not in the registry. */
const OWN_INSTALL_SCRIPTS = ['preinstall', 'install', 'postinstall'];
/** Theirs is in the older form that the lock file leaves out, or in a file beside the code: the MIT licence. */
const WITHOUT_LICENCE_FIELD = new Set(['buildcheck', 'cpu-features', 'png-js', 'ssh2']);
const EXACT_VERSION = /^\d+\.\d+\.\d+(?:-[\w.]+)?$/;

const manifestFile = z.object({
  scripts: z.record(z.string(), z.string()),
  dependencies: z.record(z.string(), z.string()),
  devDependencies: z.record(z.string(), z.string()),
  allowScripts: z.record(z.string(), z.boolean()).default({}),
});

const readJson = (path: string): unknown => JSON.parse(readFileSync(path, 'utf8'));
const manifest = manifestFile.parse(readJson('package.json'));
type Checked = Partial<LockFile['packages'][string]>;

/** What of the locked packages does not come from the registry by its hash, or runs a program nobody has read. */
function findings(packages: Readonly<Record<string, Checked>>): string[] {
  const found: string[] = [];
  for (const [path, entry] of Object.entries(packages)) {
    if (path === '') continue;
    const name = `${packageName(path)}@${entry.version}`;
    if (entry.link === true) found.push(`${name} is a link`);
    if (entry.inBundle !== true && !entry.integrity?.startsWith('sha512-'))
      found.push(`${name} has no SHA-512`);
    // No address at all is the strictest: the configured registry is asked, and the hash decides.
    if (entry.resolved !== undefined) found.push(`${name} comes from ${entry.resolved}`);
    if (entry.hasInstallScript === true && REVIEWED_INSTALL_SCRIPTS[name] === undefined)
      found.push(`${name} runs a script when it is installed, and nobody has read it`);
  }
  return found;
}

test('O3 every locked package comes from the registry by its hash, and runs nothing that was not reviewed', () => {
  const { packages } = readLockFile();
  assert.deepEqual(findings(packages), []);
  const scripts = Object.entries(packages).filter(([, { hasInstallScript }]) => hasInstallScript === true);
  assert.deepEqual(
    scripts.map(([path, { version }]) => `${packageName(path)}@${version}`).sort(),
    Object.keys(REVIEWED_INSTALL_SCRIPTS).sort(),
    'what is no longer there needs no review',
  );
  for (const [name, isAllowed] of Object.entries(manifest.allowScripts)) assert.equal(isAllowed, false, name);
  for (const name of OWN_INSTALL_SCRIPTS) assert.equal(manifest.scripts[name], undefined, name);
  for (const [name, version] of Object.entries({ ...manifest.dependencies, ...manifest.devDependencies }))
    assert.match(version, EXACT_VERSION, `${name} is one version, not a range`);
  assert.deepEqual(
    findings({
      'node_modules/left': { version: '1.0.0', integrity: 'sha512-x', hasInstallScript: true },
      'node_modules/a/node_modules/right': { version: '2.0.0', resolved: 'git+ssh://git@example.com/right' },
      'node_modules/beside': { version: '3.0.0', integrity: 'sha512-x', link: true },
    }),
    [
      'left@1.0.0 runs a script when it is installed, and nobody has read it',
      'right@2.0.0 has no SHA-512',
      'right@2.0.0 comes from git+ssh://git@example.com/right',
      'beside@3.0.0 is a link',
    ],
  );
});

test('O3 what the denied scripts would have built is not needed', () => {
  // The loader finds no compiled parts at all, as after `npm ci --ignore-scripts`.
  const script = `
    require('node:module')._extensions['.node'] = () => { throw new Error('not built'); };
    const { utils } = require('ssh2');
    const key = utils.generateKeyPairSync('ed25519').private;
    const { Client } = require('ssh2');
    new Client();
    process.stdout.write(utils.parseKey(key).type);`;
  const run = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8' });
  assert.equal(run.status, 0, run.stderr);
  assert.equal(run.stdout, 'ssh-ed25519');
});

test('O3 the list of parts names every package of the program, with its hash, its licence and what it needs', () => {
  const lock = readLockFile();
  const { components, dependencies } = sbomOf(lock);
  const parts = new Map(components.map((part) => [part['bom-ref'], part]));
  const needed = Object.entries(lock.packages).filter(([path, { dev }]) => path !== '' && dev !== true);
  for (const [path, { version }] of needed) assert.ok(parts.has(`${packageName(path)}@${version}`), path);
  for (const part of components) {
    assert.equal(part.hashes.length, 1, part['bom-ref']);
    const isNamed = part.licenses.length === 1 || WITHOUT_LICENCE_FIELD.has(part.name);
    assert.ok(isNamed, `${part['bom-ref']} names its licence`);
  }
  const needs = new Map(dependencies.map(({ ref, dependsOn }) => [ref, dependsOn]));
  const direct = needs.get(`${lock.name}@${lock.version}`) ?? [];
  for (const [name, version] of Object.entries(manifest.dependencies))
    assert.ok(direct.includes(`${name}@${version}`), name);
  for (const on of needs.values()) for (const ref of on) assert.ok(parts.has(ref), `${ref} is in the list`);
  assert.ok(
    !parts.has(`typescript@${manifest.devDependencies.typescript}`),
    'a tool is no part of the program',
  );
  assert.equal(parts.get('@fastify/cors@11.4.3')?.purl, 'pkg:npm/%40fastify/cors@11.4.3');
});

test('O3 the gate: high and critical block, a registry that cannot be asked is no clean answer', () => {
  const hole = {
    severity: 'high',
    range: '<2.0.0',
    via: [{ title: 'Path traversal', url: 'https://a.example/1' }],
  };
  assert.deepEqual(readAdvisories(JSON.stringify({ vulnerabilities: { left: hole } })), {
    kind: 'found',
    lines: ['high: left <2.0.0: Path traversal (https://a.example/1)'],
  });
  const lesser = { vulnerabilities: { left: { ...hole, severity: 'moderate' } } };
  assert.deepEqual(readAdvisories(JSON.stringify(lesser)), { kind: 'clean', lesser: 1 });
  assert.deepEqual(readAdvisories('{"message":"405 Method Not Allowed","statusCode":405}'), {
    kind: 'not_asked',
    reason: '405 Method Not Allowed',
  });
  assert.equal(readAdvisories('<html>').kind, 'not_asked');
  assert.deepEqual(readSignatures('{"invalid":[],"missing":[]}'), { kind: 'clean', lesser: 0 });
  const unsigned = {
    invalid: [{ name: 'left', version: '1.0.0' }],
    missing: [{ name: 'right', version: '2.0.0' }],
  };
  assert.deepEqual(readSignatures(JSON.stringify(unsigned)), {
    kind: 'found',
    lines: ['wrong signature: left@1.0.0', 'no signature: right@2.0.0'],
  });
  assert.equal(readSignatures('').kind, 'not_asked');
});
