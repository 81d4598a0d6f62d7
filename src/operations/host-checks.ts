// What the doctor looks at around the program: names in the environment, secrets that are none, memory, addresses, firewall and
// the service manager. Values of secrets are never shown, only their names.
import { type Config, loadConfig, processEnvironment } from '../kernel/config.ts';
import { EXTERNAL_NAMES } from '../kernel/config-externals.ts';
import type { Check, Outcome } from './doctor-check.ts';
import { hostSystem } from './host-system.ts';
import type { MachineContext } from './machine-checks.ts';
import { reachableAddresses } from './reachable-addresses.ts';

const LOW_MEMORY_MB = 200;
const KB_PER_MB = 1024;
const BYTES_PER_MB = 1024 * 1024;
const UNIT = 'drawbridge';
const OFTEN_RESTARTED = 3;
const JOURNAL_FOLDER = '/var/log/journal';
/** What people leave in place of a secret. */
const PLACEHOLDER =
  /^(?:x{3,}|\*{2,}|\.{3,}|-+|change[-_ ]?me.*|your[-_ ].*|<.*>|\$\{.*\}|\{\{.*\}\}|todo|tbd|placeholder|example.*|dummy|fake|none|null|undefined|secret|password|api[-_]?key|token|session[-_]?id|test|1234567?8?9?0?|sk-(?:x+|\.+|your.*|\*+)|.*(?:_|-)here)$/i;

const ok = (what: string): Outcome => ({ state: 'ok', what });

export const HOST_CHECKS: readonly Check<MachineContext>[] = [
  { id: 'environment', run: checkEnvironment },
  { id: 'placeholders', run: checkPlaceholders },
  { id: 'memory', run: checkMemory },
  { id: 'addresses', run: checkAddresses },
  { id: 'firewall', run: checkFirewall },
  { id: 'service', run: checkService },
];

/** Which of the documented names have a value, never which. */
function checkEnvironment({ text: { what } }: MachineContext): Outcome {
  const { presence } = loadConfig({ env: processEnvironment(), cwd: process.cwd() });
  const names = Object.keys(presence).sort();
  const present = names.filter((name) => presence[name]);
  return ok(
    what.environmentIs(
      present,
      names.filter((name) => !presence[name]),
    ),
  );
}

function checkPlaceholders({ text: { what }, config }: MachineContext): Outcome {
  if (!config) return { state: 'skipped', what: what.skipped };
  const suspicious = placeholderNames(config);
  if (suspicious.length === 0) return ok(what.placeholdersNone);
  return { state: 'error', what: what.placeholders(suspicious.length), evidence: suspicious };
}

/** The environment names of secrets whose value looks like one that was to be replaced. */
export function placeholderNames(
  config: Pick<Config, 'adminKey' | 'oidc' | 'providers' | 'stores'>,
): string[] {
  const sections: Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, unknown>>>>>> = {
    providers: config.providers,
    stores: config.stores,
  };
  const listed = EXTERNAL_NAMES.filter(({ secret }) => secret).map(({ env, section, part, field }) => ({
    name: env[0],
    value: sections[section]?.[part]?.[field],
  }));
  return [
    { name: 'DRAWBRIDGE_ADMIN_KEY', value: config.adminKey },
    { name: 'DRAWBRIDGE_OIDC_CLIENT_SECRET', value: config.oidc?.clientSecret },
    ...listed,
  ]
    .filter(({ value }) => typeof value === 'string' && PLACEHOLDER.test(value.trim()))
    .map(({ name }) => name);
}

function checkMemory({ text: { what }, system = hostSystem }: MachineContext): Outcome {
  const found = /^MemAvailable:\s+(\d+) kB/m.exec(system.read('/proc/meminfo') ?? '');
  if (!found) return { state: 'skipped', what: what.skipped };
  const freeMb = Math.floor(Number(found[1]) / KB_PER_MB);
  const sentence = what.memoryIs(freeMb, Math.round(process.memoryUsage.rss() / BYTES_PER_MB));
  return { state: freeMb < LOW_MEMORY_MB ? 'warning' : 'ok', what: sentence };
}

/** What to type on another computer. */
function checkAddresses({ text: { what }, config, system = hostSystem }: MachineContext): Outcome {
  if (!config) return { state: 'skipped', what: what.skipped };
  const { port, publicUrl } = config;
  if (publicUrl !== null) return ok(what.addressPublic(publicUrl));
  const { reach, urls } = reachableAddresses(config, port, system);
  return ok(reach === 'loopback' ? what.addressLocal(port) : what.addressesAre(urls));
}

async function checkFirewall(context: MachineContext): Promise<Outcome> {
  const {
    text: { what },
    config,
    system = hostSystem,
  } = context;
  if (!config) return { state: 'skipped', what: what.skipped };
  const url = config.publicUrl === null ? null : new URL(config.publicUrl);
  const { reach } = reachableAddresses(config, config.port, system);
  if (reach === 'loopback') return ok(what.firewallNotConcerned);
  const port = url ? Number(url.port || (url.protocol === 'https:' ? 443 : 80)) : config.port;
  const closed =
    (await ufw(port, system)) ?? (await firewalld(port, system)) ?? (await nftables(port, system));
  if (closed === null) return ok(what.firewallNone);
  if (closed === 'open') return ok(what.firewallOpen(port));
  return {
    state: 'warning',
    what: what.firewallClosed(port, closed.by),
    evidence: [closed.line],
    fix: closed.open,
  };
}

type Firewall = 'open' | { by: string; line: string; open: string } | null;
type System = typeof hostSystem;

async function ufw(port: number, system: System): Promise<Firewall> {
  const answer = await system.run('ufw', ['status']);
  if (answer?.code !== 0 || !/^Status: active/m.test(answer.output)) return null;
  const allowed = new RegExp(`^(?:${port}(?:/tcp)?|Anywhere)\\s+(?:ALLOW|LIMIT)`, 'm');
  if (allowed.test(answer.output)) return 'open';
  return { by: 'ufw', line: 'Status: active', open: `ufw allow ${port}/tcp` };
}

async function firewalld(port: number, system: System): Promise<Firewall> {
  const state = await system.run('firewall-cmd', ['--state']);
  if (state?.code !== 0 || !state.output.startsWith('running')) return null;
  const ports = (await system.run('firewall-cmd', ['--list-ports']))?.output ?? '';
  const services = (await system.run('firewall-cmd', ['--list-services']))?.output ?? '';
  const byService =
    (port === 80 && /\bhttp\b/.test(services)) || (port === 443 && /\bhttps\b/.test(services));
  if (byService || ports.split(/\s+/).some((range) => isIn(range, port))) return 'open';
  return {
    by: 'firewalld',
    line: `ports: ${ports.trim()}`,
    open: `firewall-cmd --permanent --add-port=${port}/tcp && firewall-cmd --reload`,
  };
}

function isIn(range: string, port: number): boolean {
  const match = /^(\d+)(?:-(\d+))?\/tcp$/.exec(range);
  return match !== null && port >= Number(match[1]) && port <= Number(match[2] ?? match[1]);
}

/** A chain on the way in that drops by default and lets the port through nowhere. */
async function nftables(port: number, system: System): Promise<Firewall> {
  const answer = await system.run('nft', ['list', 'ruleset']);
  if (answer?.code !== 0) return null;
  let table = '';
  let chain = '';
  let dropping: { table: string; chain: string; line: string } | null = null;
  for (const raw of answer.output.split('\n')) {
    const line = raw.trim();
    table = /^table (\S+ \S+) \{/.exec(line)?.[1] ?? table;
    chain = /^chain (\S+) \{/.exec(line)?.[1] ?? chain;
    if (/hook input .*policy drop;/.test(line)) dropping ??= { table, chain, line };
    if (/\btcp dport\b.*\baccept\b/.test(line) && dportHas(line, port)) return 'open';
  }
  if (dropping === null) return null;
  const open = `nft insert rule ${dropping.table} ${dropping.chain} tcp dport ${port} accept`;
  return { by: 'nftables', line: dropping.line, open };
}

function dportHas(line: string, port: number): boolean {
  const ports = /tcp dport (?:\{ ?([^}]*)\}|(\S+))/.exec(line);
  return (ports?.[1] ?? ports?.[2] ?? '')
    .split(/[\s,]+/)
    .some(
      (range) =>
        isIn(`${range}/tcp`, port) ||
        (port === 80 && range === 'http') ||
        (port === 443 && range === 'https'),
    );
}

/** The systemd unit, where there is one, and whether its log outlives a restart of the machine. */
async function checkService({ text: { what }, system = hostSystem }: MachineContext): Promise<Outcome> {
  const asked = 'LoadState,ActiveState,SubState,UnitFileState,NRestarts';
  const answer = await system.run('systemctl', ['show', UNIT, `--property=${asked}`]);
  const state = Object.fromEntries(
    (answer?.output ?? '').split('\n').map((line) => line.split('=', 2) as [string, string]),
  );
  if (answer?.code !== 0 || state.LoadState !== 'loaded') return ok(what.serviceNone);
  if (state.ActiveState === 'failed')
    return { state: 'error', what: what.serviceFailed(UNIT), fix: `journalctl -u ${UNIT} -n 50` };
  if (Number(state.NRestarts) > OFTEN_RESTARTED) {
    const sentence = what.serviceRestarts(UNIT, Number(state.NRestarts));
    return { state: 'warning', what: sentence, fix: `journalctl -u ${UNIT} -n 200` };
  }
  if (state.UnitFileState === 'disabled')
    return { state: 'warning', what: what.serviceDisabled(UNIT), fix: `systemctl enable ${UNIT}` };
  if (!system.exists(JOURNAL_FOLDER)) {
    const fix = `mkdir -p ${JOURNAL_FOLDER} && systemctl restart systemd-journald`;
    return { state: 'warning', what: what.journalVolatile, fix };
  }
  return ok(what.serviceFine(UNIT, `${state.ActiveState}, ${state.SubState}`));
}
