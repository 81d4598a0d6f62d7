// Names of browser and system out of a User-Agent, as people know them.

const BROWSERS: readonly [RegExp, string][] = [
  [/MicroMessenger\//, 'WeChat'],
  [/Edg(?:e|A|iOS)?\//, 'Edge'],
  [/OPR\//, 'Opera'],
  [/SamsungBrowser\//, 'Samsung Internet'],
  [/Firefox\/|FxiOS\//, 'Firefox'],
  [/Chrome\/|CriOS\//, 'Chrome'],
  [/Safari\//, 'Safari'],
];

const SYSTEMS: readonly [RegExp, string][] = [
  [/iPhone|iPad|iPod/, 'iOS'],
  [/Android/, 'Android'],
  [/HarmonyOS/, 'HarmonyOS'],
  [/Windows/, 'Windows'],
  [/Mac OS X|Macintosh/, 'macOS'],
  [/CrOS/, 'ChromeOS'],
  [/Linux|X11/, 'Linux'],
];

const find = (names: readonly [RegExp, string][], agent: string) =>
  names.find(([pattern]) => pattern.test(agent))?.[1] ?? null;

/** What can be told; null where nothing can. Agents that are no browsers go by their first word, such as `curl`. */
export function browserNames(agent: string | null): { browser: string | null; system: string | null } {
  if (agent === null) return { browser: null, system: null };
  const browser = find(BROWSERS, agent) ?? /^([\w.-]{2,40})(?:\/|$)/.exec(agent)?.[1] ?? null;
  return { browser: browser === 'Mozilla' ? null : browser, system: find(SYSTEMS, agent) };
}
