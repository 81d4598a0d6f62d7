// The systemd unit of this server: what it may touch is its data, its cache and what the configuration names; everything else
// of the machine is read-only or out of sight. Two doors stay open on purpose: the network, and memory that is written and then
// run, without which no JavaScript engine works.
import { isAbsolute, join, relative, sep } from 'node:path';

export type ServiceRole = 'all' | 'api' | 'worker';

export const CONFIG_FOLDER = '/etc/drawbridge';
export const STATE_FOLDER = '/var/lib/drawbridge';
/** The start must not be given up while PostgreSQL is awaited (60 s) and a database migrates. */
const START_TIMEOUT_S = 300;
/** The drain takes at most 30 s. */
const STOP_TIMEOUT_S = 40;
/** A wrong configuration stays wrong. */
const USAGE_EXIT_CODE = 2;
const WORKER_PORT = 8081;
const HOMES = ['/home', '/root', '/run/user'];

export interface ServiceUnit {
  role: ServiceRole;
  user: string;
  /** The checkout. */
  programFolder: string;
  dataDir: string;
  /** Further folders that it writes to: pictures, log, backups. */
  writable: readonly string[];
}

/** `drawbridge`, or `drawbridge-worker`: each role on a machine is a service of its own. */
export function unitName(role: ServiceRole): string {
  return role === 'all' ? 'drawbridge' : `drawbridge-${role}`;
}

/** The data folder of a service that is not told another. */
export function stateFolder(role: ServiceRole): string {
  return join('/var/lib', unitName(role));
}

/** Whether a path can stand in a unit without quoting. */
export function isPlainPath(path: string): boolean {
  return isAbsolute(path) && /^[A-Za-z0-9@+:,./_-]+$/.test(path);
}

/** The unit's text. All paths must be plain. */
export function serviceUnit(unit: ServiceUnit): string {
  const { role, user, programFolder } = unit;
  const name = unitName(role);
  return [
    `# The Drawbridge service, written by: drawbridge service install${role === 'all' ? '' : ` --role ${role}`}`,
    `# Settings: ${CONFIG_FOLDER}/drawbridge.env. Where they name other folders to write to, install again.`,
    '[Unit]',
    `Description=Drawbridge${role === 'all' ? '' : ` (${role})`}: AI pictures`,
    'Wants=network-online.target',
    'After=network-online.target postgresql.service',
    'StartLimitIntervalSec=300',
    'StartLimitBurst=10',
    '',
    '[Service]',
    'Type=exec',
    `User=${user}`,
    `Group=${user}`,
    `WorkingDirectory=${CONFIG_FOLDER}`,
    `Environment=DRAWBRIDGE_HOST=${role === 'worker' ? '127.0.0.1' : '0.0.0.0'}`,
    ...(role === 'worker' ? [`Environment=DRAWBRIDGE_PORT=${WORKER_PORT}`] : []),
    `Environment=NODE_COMPILE_CACHE=/var/cache/${name}`,
    `EnvironmentFile=-${CONFIG_FOLDER}/drawbridge.env`,
    ...(role === 'all' ? [] : [`EnvironmentFile=-${CONFIG_FOLDER}/${name}.env`]),
    `ExecStart=${programFolder}/bin/drawbridge --data-dir ${unit.dataDir} serve --role ${role}`,
    'Restart=on-failure',
    'RestartSec=2',
    `RestartPreventExitStatus=${USAGE_EXIT_CODE}`,
    `TimeoutStartSec=${START_TIMEOUT_S}`,
    `TimeoutStopSec=${STOP_TIMEOUT_S}`,
    'KillMode=mixed',
    'LimitNOFILE=65536',
    'OOMPolicy=continue',
    'StandardOutput=journal',
    'StandardError=journal',
    `SyslogIdentifier=${name}`,
    '',
    '# What it may write to.',
    ...folders(unit, name),
    '',
    ...HARDENING,
    '',
    '[Install]',
    'WantedBy=multi-user.target',
    '',
  ].join('\n');
}

function folders({ role, dataDir, writable, programFolder }: ServiceUnit, name: string): string[] {
  const isOwnState = dataDir === stateFolder(role);
  const others = [...(isOwnState ? [] : [dataDir]), ...writable].filter(
    (path, index, all) =>
      all.indexOf(path) === index && !isInside(path, isOwnState ? dataDir : '/nonexistent'),
  );
  const isHome = (path: string) => HOMES.some((home) => isInside(path, home));
  const inHomes = others.filter(isHome);
  return [
    ...(isOwnState ? [`StateDirectory=${name}`, 'StateDirectoryMode=0750'] : []),
    `CacheDirectory=${name}`,
    'ConfigurationDirectory=drawbridge',
    'ConfigurationDirectoryMode=0750',
    ...others.filter((path) => !isHome(path)).map((path) => `ReadWritePaths=${path}`),
    // Homes are replaced by nothing, in which only these appear.
    'ProtectHome=tmpfs',
    ...(isHome(programFolder) ? [`BindReadOnlyPaths=${programFolder}`] : []),
    ...inHomes.map((path) => `BindPaths=${path}`),
  ];
}

function isInside(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way === '' || (way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way));
}

/** Checked by `systemd-analyze security`, and by the app's own tests under the same restrictions (test/delivery/). */
const HARDENING: readonly string[] = [
  '# What it may not do.',
  'NoNewPrivileges=yes',
  'CapabilityBoundingSet=',
  'AmbientCapabilities=',
  'ProtectSystem=strict',
  'PrivateTmp=yes',
  'PrivateDevices=yes',
  'DevicePolicy=closed',
  'PrivateUsers=yes',
  'PrivateIPC=yes',
  'ProtectProc=invisible',
  'ProtectClock=yes',
  'ProtectHostname=yes',
  'ProtectKernelTunables=yes',
  'ProtectKernelModules=yes',
  'ProtectKernelLogs=yes',
  'ProtectControlGroups=yes',
  'RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK',
  'RestrictNamespaces=yes',
  'RestrictRealtime=yes',
  'RestrictSUIDSGID=yes',
  'LockPersonality=yes',
  'RemoveIPC=yes',
  'KeyringMode=private',
  'SystemCallArchitectures=native',
  'SystemCallFilter=@system-service',
  'SystemCallFilter=~@privileged @resources',
  'SystemCallErrorNumber=EPERM',
  'UMask=0027',
];
