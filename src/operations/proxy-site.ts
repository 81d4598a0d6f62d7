// What a reverse proxy in front of this server must know, derived from the configuration alone: the addresses and folders
// are those that the server itself builds its URLs and finds its files with, so that the two cannot differ.
import type { Config } from '../kernel/config.ts';

/** The internal location of the pictures where the configuration names none. */
export const DEFAULT_ACCEL_LOCATION = '/internal-media';
/** What a form adds around its files. */
const FORM_OVERHEAD_BYTES = 1024 * 1024;
/** A proxy on the same machine reaches a server that listens everywhere by this address. */
const LOCAL_HOST = '127.0.0.1';
const EVERY_HOST = new Set(['0.0.0.0', '::', '[::]']);

/** What a command line may say beside the configuration. */
export interface ProxySiteOptions {
  /** `host:port` of the server, where the proxy reaches it elsewhere than on this machine. */
  upstream?: string | undefined;
  /** Files of the certificate and its key; only https sites have them. */
  certificate?: string | undefined;
  certificateKey?: string | undefined;
  /** Port to listen on, instead of the one in the public address. */
  listen?: number | undefined;
  /** Largest body of any route, in bytes. */
  maxBodyBytes: number;
}

export interface ProxySite {
  /** Host name of the public address; null: every name. */
  host: string | null;
  isHttps: boolean;
  listen: number;
  /** Path prefix of the public address without a trailing slash; empty at the root. */
  prefix: string;
  /** `host:port`. */
  upstream: string;
  /** The folder of the pictures, absolute. */
  mediaRoot: string;
  /** Without a trailing slash. */
  accelLocation: string;
  /** Whether the server leaves sending pictures to the proxy. */
  isAccelOn: boolean;
  maxBodyMb: number;
  certificate: string;
  certificateKey: string;
}

/** The site of this configuration. */
export function proxySite(config: Config, options: ProxySiteOptions): ProxySite {
  const url = config.publicUrl === null ? null : new URL(config.publicUrl);
  const isHttps = url?.protocol === 'https:';
  const host = url?.hostname ?? null;
  const folder = `/etc/letsencrypt/live/${host}`;
  const accel = config.media.accelLocation;
  return {
    host,
    isHttps,
    listen: options.listen ?? Number(url?.port || (isHttps ? 443 : 80)),
    prefix: url?.pathname.replace(/\/+$/, '') ?? '',
    upstream: options.upstream ?? `${localHost(config.host)}:${config.port}`,
    mediaRoot: config.media.root,
    accelLocation: accel ?? DEFAULT_ACCEL_LOCATION,
    isAccelOn: accel !== null,
    maxBodyMb: Math.ceil(
      (Math.max(options.maxBodyBytes, config.media.uploadMaxBytes) + FORM_OVERHEAD_BYTES) / (1024 * 1024),
    ),
    certificate: options.certificate ?? `${folder}/fullchain.pem`,
    certificateKey: options.certificateKey ?? `${folder}/privkey.pem`,
  };
}

function localHost(host: string): string {
  if (EVERY_HOST.has(host)) return LOCAL_HOST;
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
}

/** Why a value cannot be written into a proxy's file; both would read these characters as their own. */
export function unwritable(value: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
  return /[\u0000-\u001f\u007f$"'`{}\\;]/.test(value);
}
