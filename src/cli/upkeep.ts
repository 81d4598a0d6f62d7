// `drawbridge openapi`, `migrate`, `accept-database` and `gc`: small commands for whoever runs the server.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import type { Config } from '../kernel/config.ts';
import { VERSION } from '../kernel/version.ts';
import { type CommandContext, requireConfig } from './command-context.ts';
import type { ProgramParts } from './embedded.ts';
import { addExamples } from './help.ts';
import { wantsJson, withClient } from './run-command.ts';
import type { DatabaseAccepted, GcReport } from './wire.ts';

export function addOpenapi(program: Command, context: CommandContext, parts: ProgramParts): void {
  const command = program
    .command('openapi')
    .description(context.messages.commands.openapi.summary)
    .action(async () => {
      const { buildOpenApi } = await import('../kernel/openapi.ts');
      context.terminal.json(buildOpenApi(await parts.contracts(), { version: VERSION }));
    });
  addExamples(command, context, [['drawbridge openapi > openapi.json', '']]);
}

export function addMigrate(program: Command, context: CommandContext): void {
  const { messages, terminal } = context;
  const command = program
    .command('migrate')
    .description(messages.commands.migrate.summary)
    .action(async () => {
      const config = requireConfig(context, command);
      const before =
        config.databaseUrl === null
          ? await sqliteMigrations(config)
          : await postgresMigrations(config.databaseUrl);
      const after = await openAndMigrate(config);
      const applied = after.filter((name) => !before.includes(name));
      if (wantsJson(command)) return terminal.json({ applied, current: after.at(-1) ?? null });
      if (applied.length === 0) return terminal.print(messages.migrate.current(after.at(-1) ?? ''));
      terminal.note(messages.migrate.applied(applied.length));
      for (const name of applied) terminal.print(name);
    });
  addExamples(command, context, [['drawbridge migrate', '']]);
}

/** Opening a database migrates it, whoever opens it. */
async function openAndMigrate(config: Config): Promise<string[]> {
  const { appliedMigrations } = await import('../kernel/migrate.ts');
  const open = async () => {
    if (config.databaseUrl === null) {
      const { openSqliteDb } = await import('../kernel/db-sqlite.ts');
      return openSqliteDb({ dataDir: config.dataDir });
    }
    const { openPostgresDb } = await import('../kernel/db-postgres.ts');
    return openPostgresDb({ url: config.databaseUrl });
  };
  const db = await open();
  try {
    return await appliedMigrations(db.read);
  } finally {
    await db.close();
  }
}

async function sqliteMigrations({ dataDir }: Config): Promise<string[]> {
  const { DATABASE_FILE } = await import('../kernel/db-sqlite.ts');
  const path = join(dataDir, DATABASE_FILE);
  if (!existsSync(path)) return [];
  const { migrationKysely, openSqliteFile } = await import('../kernel/db-node-sqlite.ts');
  const { appliedMigrations } = await import('../kernel/migrate.ts');
  const connection = openSqliteFile(path, 'read-only');
  try {
    return await appliedMigrations(migrationKysely(connection));
  } finally {
    connection.database.close();
  }
}

async function postgresMigrations(url: string): Promise<string[]> {
  const { Kysely, PostgresDialect } = await import('kysely');
  const { default: pg } = await import('pg');
  const { appliedMigrations } = await import('../kernel/migrate.ts');
  const { toPostgresAppError } = await import('../kernel/db-postgres-errors.ts');
  const db = new Kysely<unknown>({
    dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString: url, max: 1 }) }),
  });
  try {
    return await appliedMigrations(db);
  } catch (error) {
    throw toPostgresAppError(error);
  } finally {
    await db.destroy();
  }
}

export function addAcceptDatabase(program: Command, context: CommandContext, parts: ProgramParts): void {
  const { messages, terminal } = context;
  const { summary } = messages.commands.acceptDatabase;
  const command = program
    .command('accept-database')
    .description(summary)
    .action(() =>
      withClient(context, command, parts, {}, async (client) => {
        const answer = await client.json<DatabaseAccepted>('POST', '/v1/admin/database/accept');
        if (wantsJson(command)) return terminal.json(answer);
        terminal.print(answer.was_held ? messages.acceptDatabase.wasHeld : messages.acceptDatabase.done);
      }),
    );
  addExamples(command, context, [['drawbridge accept-database', '']]);
}

export function addGc(program: Command, context: CommandContext, parts: ProgramParts): void {
  const { messages, terminal } = context;
  const command = program
    .command('gc')
    .description(messages.commands.gc.summary)
    .option('--resume', messages.commands.gc.resume)
    .action((options: { resume?: boolean }) =>
      withClient(context, command, parts, {}, async (client) => {
        const body = { resume: options.resume === true };
        const report = await client.json<GcReport>('POST', '/v1/admin/gc', { body });
        if (wantsJson(command)) return terminal.json(report);
        const rows = Object.entries(messages.gc.rows).filter(([name]) => report[name as keyof GcReport] > 0);
        if (rows.length === 0) terminal.print(messages.gc.nothing);
        for (const [name, text] of rows) terminal.print(`${text}: ${report[name as keyof GcReport]}`);
      }),
    );
  addExamples(command, context, [['drawbridge gc', '']]);
}
