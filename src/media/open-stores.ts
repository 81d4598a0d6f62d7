// Builds the stores that the configuration names, in its order. Nothing is asked of them yet: a store that is away must not
// keep the server from starting.
import type { Clock } from '../kernel/clock.ts';
import type { StoreConfig } from '../kernel/config-stores.ts';
import type { Db } from '../kernel/db.ts';
import type { Outbound } from '../kernel/outbound.ts';
import type { DiskStore } from './disk-store.ts';
import { findVolumeMarker, rememberVolume } from './file-store.ts';
import { ImgbbStore } from './imgbb-store.ts';
import { S3Store } from './s3-store.ts';
import type { StoreEntry } from './store-order.ts';

export interface StoreParts {
  db: Db;
  clock: Clock;
  stores?: readonly StoreConfig[];
  openOutbound?: () => Promise<Outbound>;
}

/** The stores in the order in which they are tried; the disk alone when none are named. */
export function openStores(
  { db, clock, stores = [], openOutbound }: StoreParts,
  disk: DiskStore,
): StoreEntry[] {
  const outbound = () => {
    if (openOutbound) return openOutbound();
    throw new Error('Remote stores need the way to the network');
  };
  const entries = stores.map((config): StoreEntry => {
    if (config.kind === 'disk') return { store: disk, kind: 'disk' };
    if (config.kind === 'imgbb')
      return { store: new ImgbbStore({ config, db, clock, outbound }), kind: 'imgbb' };
    const marker = {
      find: () => findVolumeMarker(db.read, config.name),
      remember: (markerId: string) =>
        db.write(rememberVolume, { store: config.name, markerId, now: clock.now(), replace: false }),
    };
    return { store: new S3Store({ config, clock, marker, outbound }), kind: 's3' };
  });
  return entries.some(({ kind }) => kind === 'disk') ? entries : [...entries, { store: disk, kind: 'disk' }];
}

/** ImgBB gives the pictures from here. */
const IMGBB_PICTURES = 'https://i.ibb.co';

/** Origins that the studio's pages may load pictures from, or put uploads to, because the server sends them there. */
export function storeOrigins({
  stores,
  serve,
}: {
  readonly stores: readonly StoreConfig[];
  readonly serve: 'stream' | 'redirect';
}): string[] {
  const urls = stores.flatMap((store): string[] => {
    if (store.kind === 'imgbb') return [IMGBB_PICTURES, store.url];
    if (store.kind === 'disk' || serve === 'stream') return [];
    const { endpoint, bucket, region, publicUrl, addressing } = store;
    const api = new URL(endpoint ?? `https://s3.${region}.amazonaws.com`);
    const host = addressing === 'virtual' || addressing === 'auto' ? `${bucket}.${api.host}` : api.host;
    return [`${api.protocol}//${host}`, api.origin, ...(publicUrl === null ? [] : [publicUrl])];
  });
  return [...new Set(urls.filter((url) => URL.canParse(url)).map((url) => new URL(url).origin))];
}
