// What a place that files are sent to must do. A file becomes visible under its name only whole and verified: by its size and
// SHA-256 as the target itself reads them.
import type { SyncKind } from '../kernel/config-sync.ts';

/** A file that can be sent: what it is, and how to read it. */
export interface SourceFile {
  kind: SyncKind;
  /** Below the folder of its kind, with forward slashes. */
  path: string;
  bytes: number;
  modifiedAtMs: number;
  isExecutable: boolean;
  /** Its name is made once for these bytes and never used again. */
  isImmutable: boolean;
  /** All its bytes; throws a `SyncFault` of kind `source` when they are not as many as they were. */
  read(): AsyncIterable<Uint8Array>;
}

export interface RemoteFile {
  bytes: number;
  /** Null where the target keeps a time of its own. */
  modifiedAtMs: number | null;
}

export interface SendOptions {
  /** Something lies there already and is to be replaced; otherwise nothing may be. */
  replaces: boolean;
  onBytes(count: number): void;
  signal: AbortSignal;
}

/** `final/ab/….png`: how a file is called in lists, logs and patterns. */
export const nameOf = ({ kind, path }: { kind: SyncKind; path: string }) => `${kind}/${path}`;

export interface Target {
  /** Where it is, without credentials. */
  readonly label: string;
  /** How it is told whether a file is there already. */
  readonly comparison: 'size_time' | 'size_hash' | 'hash';
  /** Small and large files that are sent at the same time. */
  readonly lanes: { small: number; large: number };
  /** Where the files of a kind go, as the log shows it. */
  place(kind: SyncKind): string;
  /** Whether files of this kind can be sent there at all. */
  takes(kind: SyncKind): boolean;
  /** What is there under the names of these files, and maybe more, by `nameOf`. */
  list(kinds: readonly SyncKind[], files: readonly SourceFile[]): Promise<Map<string, RemoteFile>>;
  /** The address under which anybody can read a file, or null where nobody said. */
  publicUrls(file: SourceFile): string[];
  /** SHA-256 of a file there in lower-case hex; null when it cannot be told. */
  sha256Of(file: SourceFile): Promise<string | null>;
  /** Sends, verifies, and only then makes it visible. Throws `SyncFault`. */
  send(file: SourceFile, options: SendOptions): Promise<{ resumedBytes: number }>;
  close(): Promise<void>;
}
