// The program inside a command: what the composition root hands to the command line, which ranks below it.
import type { Bootstrap } from '../accounts/accounts.ts';
import type { Config, ConfigIssue, LoadedConfig } from '../kernel/config.ts';
import type { Db } from '../kernel/db.ts';
import type { RootLogger } from '../kernel/log.ts';
import type { RouteContract } from '../kernel/route.ts';
import type { DataCopies } from '../operations/contract.ts';

export interface InjectedAnswer {
  statusCode: number;
  headers: Record<string, string | string[] | number | undefined>;
  rawPayload: Buffer;
}

export interface InjectedRequest {
  method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  url: string;
  headers: Record<string, string>;
  payload?: Buffer | string;
}

/** The whole program, as commands use it. */
export interface EmbeddedApp {
  server: { ready(): PromiseLike<unknown>; inject(request: InjectedRequest): PromiseLike<InjectedAnswer> };
  db: Db;
  bootstrap: Bootstrap;
  listen(): Promise<number>;
  startEngine(): Promise<void>;
  close(): Promise<void>;
}

/** What stands above the command line and is handed in. */
export interface ProgramParts {
  createApp(options: {
    config: Config;
    log: RootLogger;
    forgetSecrets?: boolean;
    databasePatienceMs?: number;
  }): Promise<EmbeddedApp>;
  /** What the adapters refuse in their sections of the configuration. */
  findProviderProblems(loaded: LoadedConfig): Promise<ConfigIssue[]>;
  contracts(): Promise<readonly RouteContract[]>;
  /** Backups and restores. */
  dataCopies(): Promise<DataCopies>;
}
