// Goes through every screen and judges it by axe-core's rules and by its width, in both languages, widths and themes.
// `node test/pages/sweep.ts --all` runs every rule in each of the eight looks; the test leaves out only what cannot differ: no rule
// but those of colours depends on the theme, and no colour depends on the language.
import { parseArgs } from 'node:util';
import type { Browser, Page } from 'playwright-core';
import { accessibilityViolations, launchBrowser, pageTestsSkipped } from './studio-browser.ts';
import { MEMBER_SCREENS, type Screen, VISITOR_SCREENS, walk } from './sweep-screens.ts';
import { type Language, openWalker, settled, startWorld, type World } from './sweep-world.ts';

const WIDTHS = [390, 1440] as const;
const HEIGHT = 900;
const THEMES = ['light', 'dark'] as const;
/** In which the second theme is looked at as well. */
const DARK_LANGUAGE = 'en';
/** The rules that look at colours. */
const COLOUR_RULES = ['color-contrast', 'link-in-text-block'];

export interface Swept {
  /** What is wrong, each with its screen and look. */
  findings: string[];
  screens: string[];
  /** Paths of the addresses that were shown. */
  paths: Set<string>;
  looks: number;
}

export interface SweepOptions {
  /** Every rule in every look, instead of every rule in each language and width and those of colours in one dark language. */
  isWhole?: boolean;
}

const OVERFLOW = 'document.documentElement.scrollWidth - document.documentElement.clientWidth';

async function judge(page: Page, rules: readonly string[] | undefined): Promise<string[]> {
  await settled(page);
  const overflow = await page.evaluate<number>(OVERFLOW);
  const wide = overflow > 0 ? [`${overflow} px wider than the screen`] : [];
  return [...wide, ...(await accessibilityViolations(page, rules))];
}

/** Judges the screen that is shown in each width and theme. */
async function judgeInEveryLook(
  page: Page,
  { isWhole, language }: SweepOptions & { language: Language },
  report: (look: string, found: readonly string[]) => void,
): Promise<void> {
  const themes = isWhole || language === DARK_LANGUAGE ? THEMES : THEMES.slice(0, 1);
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: HEIGHT });
    for (const [at, colorScheme] of themes.entries()) {
      await page.emulateMedia({ colorScheme });
      const rules = isWhole || at === 0 ? undefined : COLOUR_RULES;
      report(`${width} px, ${colorScheme}`, await judge(page, rules));
    }
  }
}

async function sweepIn(
  browser: Browser,
  world: World,
  { language, ...options }: SweepOptions & { language: Language },
): Promise<Swept> {
  const swept: Swept = { findings: [], screens: [], paths: new Set(), looks: 0 };
  const sweepPart = async (screens: readonly Screen[], isSignedIn: boolean) => {
    const walker = await openWalker(browser, world, { language, isSignedIn });
    await walk(walker, screens, async (name) => {
      swept.screens.push(name);
      swept.paths.add(new URL(walker.page.url()).pathname);
      await judgeInEveryLook(walker.page, { ...options, language }, (look, found) => {
        swept.looks += 1;
        for (const what of found) swept.findings.push(`${name} (${language}, ${look}): ${what}`);
      });
    });
    walker.assertClean();
    await walker.close();
  };
  await sweepPart(VISITOR_SCREENS, false);
  await sweepPart(MEMBER_SCREENS, true);
  return swept;
}

/** Sweeps every screen in both languages at the same time. */
export async function sweep(browser: Browser, world: World, options: SweepOptions = {}): Promise<Swept> {
  const [en, zh] = await Promise.all([
    sweepIn(browser, world, { ...options, language: 'en' }),
    sweepIn(browser, world, { ...options, language: 'zh' }),
  ]);
  return { ...en, findings: [...en.findings, ...zh.findings], looks: en.looks + zh.looks };
}

async function main(): Promise<void> {
  if (pageTestsSkipped) throw new Error(pageTestsSkipped);
  const { values } = parseArgs({ options: { all: { type: 'boolean', default: false } } });
  const [world, browser] = await Promise.all([startWorld(), launchBrowser()]);
  try {
    const { findings, screens, looks } = await sweep(browser, world, { isWhole: values.all });
    for (const finding of findings) process.stdout.write(`${finding}\n`);
    process.stdout.write(`${screens.length} screens, ${looks} looks, ${findings.length} findings\n`);
    process.exitCode = findings.length > 0 ? 1 : 0;
  } finally {
    await browser.close();
    await world.close();
  }
}

if (import.meta.main) await main();
