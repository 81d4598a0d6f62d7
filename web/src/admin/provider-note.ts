// What providers remark about themselves, in the page's language. The server says it in English, one part after another;
// a part that is not known here is shown as it came.
import type { adminEn } from '../../../src/kernel/messages/admin-en.ts';

type NoteKey = Extract<keyof typeof adminEn, `providerNote.${string}`>;

const PATTERNS: readonly (readonly [pattern: RegExp, key: NoteKey])[] = [
  [/^built in$/, 'providerNote.builtIn'],
  [/^not listed by the service: (?<models>.+)$/, 'providerNote.unlisted'],
  [/^(?<model>\S+) ends on (?<date>\d{4}-\d\d-\d\d)$/, 'providerNote.ends'],
  [/^the service does not list its models$/, 'providerNote.noList'],
  [
    /^The service does not list its models, so the API key is first tried with a picture\.$/,
    'providerNote.untried',
  ],
  [/^no model is set, and none can be chosen$/, 'providerNote.noModel'],
  [/^model (?<model>\S+)$/, 'providerNote.model'],
  [/^balance (?<amount>\S+)$/, 'providerNote.balance'],
  [/^(?<amount>\S+) KIE credits left$/, 'providerNote.kie'],
  [/^KIE credits left: (?<amount>.+)$/, 'providerNote.kie'],
  [/^The built-in demo writer: no language model is configured\.$/, 'providerNote.demoWriter'],
];

/** `note` as the server sent it, each of its parts in the words of `t`. */
export function providerNote(
  note: string,
  t: (key: NoteKey, values?: Record<string, string>) => string,
): string {
  const parts = note.split('; ').map((part) => {
    for (const [pattern, key] of PATTERNS) {
      const match = pattern.exec(part);
      if (match) return t(key, { ...match.groups });
    }
    return part;
  });
  return parts.join(t('providerNote.join'));
}
