// package-lock.json as a list of packages, for the checks of the supply chain.
import { readFileSync } from 'node:fs';
import { z } from 'zod';

const names = z.record(z.string(), z.string()).default({});
const lockedPackage = z.object({
  name: z.string().optional(),
  version: z.string().optional(),
  license: z.string().optional(),
  resolved: z.string().optional(),
  integrity: z.string().optional(),
  link: z.boolean().optional(),
  inBundle: z.boolean().optional(),
  dev: z.boolean().optional(),
  devOptional: z.boolean().optional(),
  optional: z.boolean().optional(),
  hasInstallScript: z.boolean().optional(),
  dependencies: names,
  optionalDependencies: names,
});
const lockFile = z.object({
  lockfileVersion: z.literal(3),
  name: z.string(),
  version: z.string(),
  packages: z.record(z.string(), lockedPackage),
});

export type LockedPackage = z.infer<typeof lockedPackage>;
export type LockFile = z.infer<typeof lockFile>;

/** The lock file of the folder that this runs in. */
export function readLockFile(): LockFile {
  return lockFile.parse(JSON.parse(readFileSync('package-lock.json', 'utf8')));
}

/** `node_modules/a/node_modules/@b/c` is `@b/c`. */
export function packageName(path: string): string {
  return path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
}
