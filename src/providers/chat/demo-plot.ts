// How the demo writer lays a tale out on pages: which moments share a page, what each page is called, and what is told
// on it. The same plan and hero always give the same pages, so that an edited outline shows where its reader changed it.
import { z } from 'zod';
import type { OutlinePage, StoryLanguage } from './chat.ts';
import { type Beat, type DemoLanguage, type DemoTale, TALE_SUBJECTS } from './demo-language.ts';
import { demoGerman } from './demo-tales-de.ts';
import { demoEnglish } from './demo-tales-en.ts';
import { demoSpanish } from './demo-tales-es.ts';
import { demoFrench } from './demo-tales-fr.ts';
import { demoJapanese } from './demo-tales-ja.ts';
import { demoChinese } from './demo-tales-zh.ts';
import { seededChoice } from './seeded-choice.ts';

export const DEMO_LANGUAGES: Readonly<Record<StoryLanguage, DemoLanguage>> = {
  en: demoEnglish,
  zh: demoChinese,
  es: demoSpanish,
  fr: demoFrench,
  de: demoGerman,
  ja: demoJapanese,
};

/** The demo writer's own note in an outline. */
export interface DemoPlan {
  tale: number;
  seed: number;
  pages: number;
  hero: string;
}

const storedPlan = z.object({
  demo: z.literal(1),
  tale: z.number().int().min(0),
  seed: z.number().int(),
  pages: z.number().int().min(1).max(100),
  hero: z.string().max(100),
});

export function writePlan(plan: DemoPlan): string {
  return JSON.stringify({ demo: 1, ...plan });
}

/** The plan that an outline carries, or null if another writer made it. */
export function readPlan(text: string): DemoPlan | null {
  try {
    return storedPlan.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

/** One page as planned: its last moment decides how it can go on. */
export interface PlannedPage extends OutlinePage {
  beat: Beat;
  /** What is told, in order, with the hero's name in place. */
  scenes: readonly string[];
  /** Whether the helper speaks on it. */
  hasClue: boolean;
}

type Moment = Exclude<keyof DemoTale, 'title' | 'guide' | 'clue'>;

interface Layout {
  beat: Beat;
  moments: readonly Moment[];
}

const OPEN: Layout = { beat: 'open', moments: ['wonder'] };
const MEET: Layout = { beat: 'meet', moments: ['meet'] };
const BLOCK: Layout = { beat: 'block', moments: ['obstacle'] };
const FIND: Layout = { beat: 'find', moments: ['find'] };
const ROAD: Layout = { beat: 'road', moments: [] };
const ending = (...moments: Moment[]): Layout => ({ beat: 'end', moments });

/** Short stories tell several moments on one page; long ones have more road. */
function layoutOf(pages: number): Layout[] {
  if (pages <= 2) return [OPEN, ending('meet', 'find', 'solve', 'end')];
  if (pages === 3) return [OPEN, MEET, ending('obstacle', 'find', 'solve', 'end')];
  if (pages === 4) return [OPEN, MEET, BLOCK, ending('find', 'solve', 'end')];
  const road = Array.from({ length: pages - 5 }, () => ROAD);
  return [OPEN, MEET, ...road, BLOCK, FIND, ending('solve', 'end')];
}

export type Words = Readonly<Record<string, string>>;

/** Puts words into a template; what is put in is never read as a template. */
export function filled(template: string, words: Words): string {
  return template.replace(/\{(\w+)\}/g, (whole, name: string) => words[name] ?? whole);
}

/** With a capital letter at its beginning, where the script has them. */
export function capitalised(text: string): string {
  const first = Array.from(text)[0] ?? '';
  return first.toLocaleUpperCase('en') + text.slice(first.length);
}

/** What `{hero}`, `{guide}`, `{Guide}` and `{title}` stand for. */
export function wordsOf(tale: DemoTale, hero: string): Words {
  return { hero, guide: tale.guide, Guide: capitalised(tale.guide), title: tale.title };
}

export function taleOf(language: DemoLanguage, index: number): DemoTale {
  const tale = language.tales[index % language.tales.length];
  if (!tale) throw new Error('A language without tales');
  return tale;
}

/** The pages of a plan, as many as it says. */
export function plannedPages(languageName: StoryLanguage, plan: DemoPlan): PlannedPage[] {
  const language = DEMO_LANGUAGES[languageName];
  const tale = taleOf(language, plan.tale);
  const words = wordsOf(tale, plan.hero);
  const choice = seededChoice(`pages ${plan.seed} ${plan.tale}`);
  const episodes = choice.shuffled(language.episodes);
  let episode = 0;
  return layoutOf(plan.pages).map(({ beat, moments }) => {
    if (beat === 'road') {
      const next = episodes[episode % episodes.length];
      episode += 1;
      const text = filled(next?.text ?? '', words);
      return { beat, title: next?.title ?? '', summary: text, scenes: [text], hasClue: false };
    }
    const scenes = moments.map((moment) => filled(tale[moment], words));
    const summary = scenes.join(language.space);
    const title = choice.one(language.pageTitles[beat]);
    return { beat, title, summary, scenes, hasClue: moments.includes('meet') };
  });
}

/** Tales in the order in which they fit an idea: those it mentions first, the rest shuffled. */
export function talesFor(idea: string, seed: string): number[] {
  const order = seededChoice(seed).shuffled(TALE_SUBJECTS.map((_, index) => index));
  const fits = (index: number) => (TALE_SUBJECTS[index]?.test(idea) ? 0 : 1);
  return order.toSorted((a, b) => fits(a) - fits(b));
}
