// Documents that are derived from the settings, so that they cannot drift: docs/configuration.md and .env.example.
import { EXTERNAL_NAMES, REQUIRED_TOGETHER } from './config-externals.ts';
import { allSettings, type Setting } from './config-list.ts';

const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('\n', ' ');
const code = (text: string) => `\`${text}\``;

function shownDefault({ defaultValue }: Setting): string {
  if (defaultValue === null) return '';
  if (Array.isArray(defaultValue)) return defaultValue.map((item) => code(String(item))).join(', ');
  if (typeof defaultValue === 'object') return '';
  return code(String(defaultValue));
}

function settingRow(setting: Setting): string {
  const choices = setting.choices.length > 0 ? ` One of ${setting.choices.map(code).join(', ')}.` : '';
  const secret = setting.secret ? ' **Secret.**' : '';
  const cells = [
    code(setting.key),
    setting.env.map(code).join(', '),
    shownDefault(setting),
    `${cell(setting.meaning)}${choices}${secret}`,
  ];
  return `| ${cells.join(' | ')} |`;
}

function externalRows(section: string): string[] {
  return EXTERNAL_NAMES.filter((name) => name.section === section).map((name) => {
    const together = REQUIRED_TOGETHER.find((group) => group.section === section && group.part === name.part);
    const needed = together?.fields.includes(name.field) ? 'yes' : '';
    const meaning = `${cell(name.meaning)}.${name.secret ? ' **Secret.**' : ''}`;
    const key = `${section}.${name.part}.${name.field}`;
    return `| ${code(key)} | ${name.env.map(code).join(', ')} | ${needed} | ${meaning} |`;
  });
}

const SETTINGS_HEAD = ['| key | environment | default | meaning |', '|---|---|---|---|'];
const EXTERNAL_HEAD = ['| key | environment | needed once the part is used | meaning |', '|---|---|---|---|'];

const INTRODUCTION = `# Configuration

Drawbridge starts with nothing configured: it then listens on http://127.0.0.1:8080, keeps its data in \`./data\` and
offers the built-in sandbox provider. Every setting has a key in \`drawbridge.yaml\` and a name in the environment.

**Where values come from**, strongest first:

1. command-line flags,
2. the process environment,
3. \`.env\` in the folder it is started in,
4. \`drawbridge.yaml\` in that folder, or the file that \`DRAWBRIDGE_CONFIG\` names,
5. the default.

A variable that is empty counts as not set. Lists are separated by commas in the environment. A **secret** may also be
put in a file: \`NAME_FILE=/run/secrets/name\` instead of \`NAME=…\`. Inside \`drawbridge.yaml\`, \`\${NAME}\` stands for a
variable of the environment or \`.env\` (\`\${NAME:-otherwise}\` if it may be missing, \`$\${\` for a plain \`\${\`).

Everything is checked at start. Wrong values stop it with exit code 2 and are all listed at once, each with where it came
from; names that nobody knows are warned about, with the nearest known one.

\`\`\`yaml
# drawbridge.yaml
public_url: https://pictures.example.com
tasks:
  deadline_s: 1200
credits:
  starting_grant: 50
  prices:
    jimeng-4.5: 0.5
providers:
  jimeng:
    url: http://jimeng:5100
    session_id: \${JIMENG_SESSION_ID}
\`\`\`
`;

/** The text of docs/configuration.md. */
export function renderConfigurationDocs(): string {
  return [
    INTRODUCTION,
    '## Settings\n',
    ...SETTINGS_HEAD,
    ...allSettings().map(settingRow),
    '\n## Providers\n',
    'A provider with a setting but without what it needs stops the start. With none, the sandbox serves alone.\n',
    ...EXTERNAL_HEAD,
    ...externalRows('providers'),
    '\n## Stores\n',
    'Where pictures are kept, besides the local disk.\n',
    ...EXTERNAL_HEAD,
    ...externalRows('stores'),
    '\n## Sync\n',
    'Places that `drawbridge sync` sends to: one section each below `sync`, with its secrets from the environment; see [sync.md](sync.md).',
    '',
  ].join('\n');
}

const EXAMPLE_WIDTH = 110;

function wrapComment(text: string): string[] {
  const lines = [''];
  for (const word of text.split(' ')) {
    const line = lines[lines.length - 1] ?? '';
    if (line.length + word.length > EXAMPLE_WIDTH) lines.push(word);
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`;
  }
  return lines.map((line) => `# ${line}`);
}

function exampleOf(name: string, value: string, meaning: string): string[] {
  return [...wrapComment(meaning), `#${name}=${value}`, ''];
}

/** The text of .env.example: every name, commented out, with its default. */
export function renderEnvExample(): string {
  const settings = allSettings().flatMap((setting) => {
    const value = Array.isArray(setting.defaultValue) ? setting.defaultValue.join(',') : setting.defaultValue;
    const shown = value === null || typeof value === 'object' ? '' : String(value);
    const choices = setting.choices.length > 0 ? ` (${setting.choices.join(' | ')})` : '';
    return exampleOf(setting.env[0] ?? setting.key, shown, `${setting.meaning}${choices}`);
  });
  const externals = EXTERNAL_NAMES.flatMap((name) => exampleOf(name.env[0], '', `${name.meaning}.`));
  return [
    '# Copy to .env and set what you need; nothing here is required. The process environment wins over this file.',
    '# Any secret may also come from a file: NAME_FILE=/path/to/it. Everything is explained in docs/configuration.md.',
    '',
    '# --- Providers and stores ---',
    '',
    ...externals,
    '# --- Drawbridge ---',
    '',
    '# Another place for drawbridge.yaml.',
    '#DRAWBRIDGE_CONFIG=./drawbridge.yaml',
    '',
    ...settings,
  ]
    .join('\n')
    .trimEnd()
    .concat('\n');
}
