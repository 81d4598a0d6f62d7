// The pictures of this installation as a source: what lies on the local disk and in its S3 stores, each once.
import type { S3StoreConfig, StoreConfig } from '../kernel/config-stores.ts';
import type { Outbound } from '../kernel/outbound.ts';
import { isMediaKey, isMediaKind, S3Connection, S3Objects, toS3Failure } from '../media/media.ts';
import { SyncFault } from './fault.ts';
import { listMediaFolder, type SourceListing } from './source.ts';
import { nameOf, type SourceFile } from './target.ts';

const KINDS = ['original', 'final', 'hd', 'thumb'] as const;

async function* readObject(objects: S3Objects, object: string, bytes: number): AsyncGenerator<Uint8Array> {
  try {
    const head = await objects.head(object);
    if (!head) throw new SyncFault('source', 'it is gone from its store');
    if (head.bytes !== bytes) throw new SyncFault('source', 'it changed while it was read');
    yield* objects.read(object, head);
  } catch (error) {
    if (error instanceof SyncFault) throw error;
    throw new SyncFault('source', `its store does not give it (${toS3Failure(error).message})`, error);
  }
}

/** The pictures in one bucket. */
async function listBucket(
  config: S3StoreConfig,
  openOutbound: () => Promise<Outbound>,
): Promise<SourceFile[]> {
  const connection = new S3Connection({ config, outbound: openOutbound });
  const objects = new S3Objects({ connection, mostListed: Number.MAX_SAFE_INTEGER });
  const files: SourceFile[] = [];
  try {
    for (const kind of KINDS) {
      const prefix = `${config.prefix}${kind}/`;
      for await (const { object, bytes, modifiedAtMs } of objects.list(`${kind}/`)) {
        const path = object.slice(prefix.length);
        if (!isMediaKind(kind) || !isMediaKey(path.slice(path.lastIndexOf('/') + 1))) continue;
        const read = () => readObject(objects, object, bytes);
        files.push({ kind, path, bytes, modifiedAtMs, isExecutable: false, isImmutable: true, read });
      }
    }
  } catch (error) {
    throw new SyncFault('source', `the store "${config.name}" ${toS3Failure(error).message}`, error);
  }
  return files;
}

/** All pictures of this installation; one that lies in two stores comes from the first of them. */
export async function listStores(
  media: { root: string; stores: readonly StoreConfig[] },
  openOutbound: () => Promise<Outbound>,
): Promise<SourceListing> {
  const { files, skipped } = await listMediaFolder(media.root);
  const seen = new Set(files.map(nameOf));
  for (const store of media.stores) {
    if (store.kind !== 's3') continue;
    for (const file of await listBucket(store, openOutbound)) {
      if (seen.has(nameOf(file))) continue;
      seen.add(nameOf(file));
      files.push(file);
    }
  }
  return { files, skipped };
}
