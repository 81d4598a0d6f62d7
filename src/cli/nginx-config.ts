// `drawbridge nginx-config` and `caddy-config`: the reverse proxy's file for this very configuration, on standard output;
// what it still lacks is said on standard error.
import type { Command } from 'commander';
import type { ProxySite } from '../operations/operations.ts';
import { type CommandContext, requireConfig } from './command-context.ts';
import type { ProgramParts } from './embedded.ts';
import { usageFailure } from './failure.ts';
import { addExamples } from './help.ts';
import { wantsJson } from './run-command.ts';

const HIGHEST_PORT = 65_535;

interface SiteFlags {
  upstream?: string;
  listen?: string;
  certificate?: string;
  certificateKey?: string;
}

export function addNginxConfig(program: Command, context: CommandContext, parts: ProgramParts): void {
  const { nginx: text } = context.messages.delivery;
  const command = program
    .command('nginx-config')
    .description(text.summary)
    .option('--upstream <host:port>', text.upstream)
    .option('--listen <port>', text.listen)
    .option('--certificate <file>', text.certificate)
    .option('--certificate-key <file>', text.certificateKey)
    .action(async (flags: SiteFlags) => {
      const { nginxSite } = await import('../operations/operations.ts');
      await print(context, command, parts, flags, nginxSite);
    });
  addExamples(command, context, [
    ['drawbridge nginx-config > /etc/nginx/conf.d/drawbridge.conf', ''],
    ['drawbridge nginx-config --upstream 10.0.0.5:8080', ''],
  ]);
}

export function addCaddyConfig(program: Command, context: CommandContext, parts: ProgramParts): void {
  const { nginx: text } = context.messages.delivery;
  const command = program
    .command('caddy-config')
    .description(text.caddySummary)
    .option('--upstream <host:port>', text.upstream)
    .option('--listen <port>', text.listen)
    .action(async (flags: SiteFlags) => {
      const { caddySite } = await import('../operations/operations.ts');
      await print(context, command, parts, flags, caddySite);
    });
  addExamples(command, context, [['drawbridge caddy-config > /etc/caddy/Caddyfile', '']]);
}

async function print(
  context: CommandContext,
  command: Command,
  parts: ProgramParts,
  { upstream, listen, certificate, certificateKey }: SiteFlags,
  write: (site: ProxySite) => string,
): Promise<void> {
  const { terminal, messages } = context;
  const { nginx: text } = messages.delivery;
  const port = listen === undefined ? undefined : Number(listen);
  if (port !== undefined && !(Number.isInteger(port) && port >= 1 && port <= HIGHEST_PORT)) {
    const detail = messages.problem.notNumber('--listen', listen ?? '');
    throw usageFailure(messages.problem.usageTitle, detail, text.listenFix);
  }
  const config = requireConfig(context, command);
  const { proxySite } = await import('../operations/operations.ts');
  const bodies = (await parts.contracts()).map(({ maxBodyBytes = 0 }) => maxBodyBytes);
  const site = proxySite(config, {
    upstream,
    listen: port,
    certificate,
    certificateKey,
    maxBodyBytes: Math.max(...bodies),
  });
  const file = write(site);
  if (wantsJson(command)) return terminal.json({ ...site, file });
  terminal.out.write(file);
  if (site.host === null) terminal.note(text.anyName);
  if (!site.isAccelOn) terminal.note(text.accel(`${site.accelLocation}/`));
}
