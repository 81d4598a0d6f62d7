// What a seeded bug is: one small, plausible mistake, put into a copy of the program, that some named test must notice.

/** The parts of the program that bugs are seeded in, in the order of the document. */
export const AREAS = [
  'state',
  'queue',
  'run',
  'watchdog',
  'money',
  'media',
  'outbound',
  'http',
  'callbacks',
  'webhooks',
  'breaker',
  'secrets',
  'streams',
] as const;
export type Area = (typeof AREAS)[number];

export interface SeededBug {
  /** Kebab-case, unique; says what was done to the program. */
  id: string;
  area: Area;
  /** Path from the repository's root. */
  file: string;
  /** Exact source text that occurs once in `file`, so that the list notices when the code moves. */
  find: string;
  replace: string;
  /** Files of the tests that must catch it, the fastest that should. */
  tests: readonly string[];
  /** Of these only tests whose name, with those of the suites around it, contains this text. */
  only?: string;
  /** What would go wrong for somebody. */
  why: string;
}

/** Puts a bug into the text of its file. Throws when its place is not there exactly once. */
export function seed(bug: SeededBug, text: string): string {
  const places = text.split(bug.find).length - 1;
  if (places !== 1) throw new Error(`${bug.id}: its text occurs ${places} times in ${bug.file}, not once`);
  return text.replace(bug.find, () => bug.replace);
}
