// The built-in writer for demos and tests: no key, no network, no clock, no chance. The same question always gets the
// same answer. It tells small fairy tales around the reader's idea, and it always says that it is the demo writer.
import type {
  ChatUsage,
  OutlinesRequest,
  PageRequest,
  PathStep,
  RegenerateRequest,
  StoryLanguage,
  StoryOutline,
  StoryPage,
  StoryWriter,
  Written,
} from './chat.ts';
import { FEWEST_STORY_PAGES, MOST_OUTLINES, MOST_STORY_PAGES } from './chat.ts';
import { readIdea, type StoryIdea } from './demo-idea.ts';
import type { Beat, DemoLanguage } from './demo-language.ts';
import {
  capitalised,
  DEMO_LANGUAGES,
  type DemoPlan,
  filled,
  type PlannedPage,
  plannedPages,
  readPlan,
  taleOf,
  talesFor,
  type Words,
  wordsOf,
  writePlan,
} from './demo-plot.ts';
import { shortened, storyLine, storyText } from './hostile-text.ts';
import { type SeededChoice, seededChoice } from './seeded-choice.ts';

const NAME = 'demo';
const CHOICES_PER_PAGE = 3;
const MAX_PROMPT_CHARS = 1500;
const MAX_ALT_CHARS = 300;
const MAX_CHOICE_CHARS = 200;
const MAX_SCENE_CHARS = 1000;
/** Another telling of the same page is looked for this often. */
const MOST_RETELLINGS = 12;
const NO_USAGE: ChatUsage = { inputTokens: 0, outputTokens: 0, requests: 0 };

/** The demo writer. It never fails but for a signal that is already aborted. */
export function createDemoWriter(): StoryWriter {
  return {
    name: NAME,
    byDemoWriter: true,
    endpoints: [],
    priceMicros: 0,
    async outlines(request) {
      request.signal.throwIfAborted();
      return written(demoOutlines(request));
    },
    async page(request) {
      request.signal.throwIfAborted();
      const page = demoPage(request, 0);
      request.onText?.(page.text);
      return written(page);
    },
    async regenerateText(request) {
      request.signal.throwIfAborted();
      const text = retold(request);
      request.onText?.(text);
      return written(text);
    },
    async probe() {
      return { note: 'The built-in demo writer: no language model is configured.' };
    },
  };
}

function written<T>(value: T): Written<T> {
  return { value, byDemoWriter: true, model: NAME, usage: { ...NO_USAGE } };
}

const within = (value: number, least: number, most: number) =>
  Math.min(most, Math.max(least, Math.floor(value)));

/** Several proposals, each from another tale. */
function demoOutlines(request: OutlinesRequest): StoryOutline[] {
  const { language: languageName, seed } = request;
  const idea = readIdea(request.idea, languageName);
  const pages = within(request.pages, FEWEST_STORY_PAGES, MOST_STORY_PAGES);
  const count = within(request.count, 1, MOST_OUTLINES);
  const tales = talesFor(idea.phrase ?? '', `tales ${seed} ${idea.phrase}`);
  const choice = seededChoice(`outlines ${seed} ${idea.phrase}`);
  const hero = idea.hero ?? choice.one(DEMO_LANGUAGES[languageName].heroes);
  return tales
    .slice(0, count)
    .map((tale) => demoOutline(languageName, idea, { tale, seed, pages, hero }, choice));
}

function demoOutline(
  languageName: StoryLanguage,
  idea: StoryIdea,
  plan: DemoPlan,
  choice: SeededChoice,
): StoryOutline {
  const language = DEMO_LANGUAGES[languageName];
  const tale = taleOf(language, plan.tale);
  const words = wordsOf(tale, plan.hero);
  const planned = plannedPages(languageName, plan);
  const summary = idea.phrase
    ? capitalised(filled(choice.one(language.summaries), { ...words, idea: idea.phrase }))
    : (planned[0]?.summary ?? '');
  return {
    title: capitalised(filled(choice.one(language.titles), words)),
    summary,
    characters: [
      { name: plan.hero, look: lookOf(language, idea, plan.hero, choice) },
      { name: capitalised(tale.guide), look: language.guideLook },
    ],
    pages: planned.map((page) => ({ title: page.title, summary: page.summary })),
    plan: writePlan(plan),
  };
}

/** How the hero looks, the idea included, so that pictures show who was asked for. */
function lookOf(language: DemoLanguage, idea: StoryIdea, hero: string, choice: SeededChoice): string {
  const look = choice.one(language.looks);
  if (!idea.phrase || !idea.isNoun || idea.phrase.startsWith(hero)) return look;
  return `${idea.phrase}${language.space === '' ? '，' : ', '}${look}`;
}

/** A plan for an outline that another writer made. */
function adoptedPlan(outline: StoryOutline, seed: number, language: DemoLanguage): DemoPlan {
  const choice = seededChoice(`adopted ${outline.title}`);
  const tale = choice.number(language.tales.length);
  const hero = outline.characters[0]?.name ?? choice.one(language.heroes);
  return { tale, seed, pages: Math.max(FEWEST_STORY_PAGES, outline.pages.length), hero };
}

/** What is to be told on page `index`: as planned, or in the reader's own words where the outline was edited. */
function pageAt(
  outline: StoryOutline,
  index: number,
  planned: readonly PlannedPage[],
  words: Words,
): PlannedPage {
  const wanted = outline.pages[index];
  const isLast = index >= outline.pages.length - 1;
  const found = planned.find((page) => page.summary === wanted?.summary);
  if (found) return { ...found, beat: isLast ? 'end' : found.beat === 'end' ? 'find' : found.beat };
  const title = storyLine(wanted?.title ?? '');
  const summary = shortened(storyText(wanted?.summary ?? title), MAX_SCENE_CHARS);
  return { title, summary, scenes: [filled(summary, words)], beat: isLast ? 'end' : 'road', hasClue: false };
}

interface Telling {
  language: DemoLanguage;
  idea: StoryIdea;
  words: Words;
  page: PlannedPage;
  path: readonly PathStep[];
  choice: SeededChoice;
  pageCount: number;
  /** The same for all pages of a story. */
  turnSeed: string;
  variant: number;
}

function demoPage(request: PageRequest, variant: number): StoryPage {
  const { outline, path, language: languageName, seed } = request;
  const language = DEMO_LANGUAGES[languageName];
  const plan = readPlan(outline.plan) ?? adoptedPlan(outline, seed, language);
  const tale = taleOf(language, plan.tale);
  const hero = storyLine(outline.characters[0]?.name ?? '') || plan.hero;
  const words = { ...wordsOf(tale, hero), clue: tale.clue };
  const found = pageAt(outline, path.length, plannedPages(languageName, plan), words);
  // A renamed hero is renamed in what was planned, too.
  const scenes = found.scenes.map((scene) => scene.replaceAll(plan.hero, () => hero));
  const page = { ...found, scenes };
  const way = path.map((step) => step.choice).join(' > ');
  const choice = seededChoice(`page ${plan.seed} ${plan.tale} ${path.length} ${way} ${variant}`);
  const idea = readIdea(request.idea, languageName);
  const pageCount = outline.pages.length;
  const telling: Telling = {
    language,
    idea,
    words,
    page,
    path,
    choice,
    pageCount,
    turnSeed: `${plan.seed} ${plan.tale}`,
    variant,
  };
  return {
    text: textOf(telling),
    choices: page.beat === 'end' ? [] : choicesOf(telling, page.beat),
    picturePrompt: picturePromptOf(telling, outline, request.style),
    altText: shortened(filled(language.altText, { scene: page.scenes.join(language.space) }), MAX_ALT_CHARS),
  };
}

function textOf(telling: Telling): string {
  const { language, words, page, path, choice } = telling;
  // Taken in turn, so that neighbouring pages do not say the same.
  const say = (templates: readonly string[], more: Words = {}) => {
    const order = seededChoice(`turns ${telling.turnSeed} ${templates[0]}`).shuffled(templates);
    const template = order[(path.length + telling.variant) % order.length] ?? '';
    return capitalised(filled(template, { ...words, ...more }));
  };
  const opening = path.length === 0 ? openingOf(telling, say) : [wayOn(telling)];
  // The helper comes in with the first scene, and speaks then.
  const [first = '', ...later] = page.scenes;
  const middle = [first, ...(page.hasClue ? [say(language.speaking)] : []), ...later];
  const close = [];
  if (page.beat === 'open' || page.beat === 'find') close.push(say(language.senses));
  if (page.beat === 'road') close.push(say([...language.feelings, ...language.senses]));
  if (page.beat === 'block') close.push(say(language.feelings));
  const topic = telling.idea.topics.length > 0 ? choice.one(telling.idea.topics) : null;
  if (topic && page.beat === topicBeat(telling)) close.push(say(language.topics, { topic }));
  close.push(say(page.beat === 'end' ? language.closings : language.hooks));
  return [opening, middle, close].map((sentences) => sentences.join(language.space)).join('\n\n');
}

/** The idea's things are mentioned once on a path: before the hard part, or earlier in short stories. */
const topicBeat = ({ pageCount }: Telling): Beat => (pageCount < 4 ? 'open' : 'block');

function openingOf(
  { language, idea, words }: Telling,
  say: (templates: readonly string[], more?: Words) => string,
): string[] {
  const hero = words.hero ?? '';
  if (!idea.phrase) return [say(language.noIdea), say(language.naming)];
  const templates = idea.isNoun ? language.ideaNouns : language.ideaQuotes;
  const quoted = idea.isNoun ? idea.phrase : capitalised(idea.phrase);
  const begin = say(templates, { idea: quoted });
  return idea.phrase.includes(hero) ? [begin] : [begin, say(language.naming)];
}

/** How the page begins after what was chosen on the one before. */
function wayOn({ language, words, path }: Telling): string {
  const chosen = path.at(-1)?.choice ?? '';
  const known = Object.values(language.choices)
    .flat()
    .find(({ label }) => label === chosen);
  if (known) return capitalised(filled(known.leads, words));
  const own = shortened(storyLine(chosen), MAX_CHOICE_CHARS).replace(/[.。!！]+$/u, '');
  return filled(language.ownChoice, { ...words, choice: own });
}

/** Ways on that this path has not taken yet. */
function choicesOf({ language, path, choice }: Telling, beat: Exclude<Beat, 'end'>): string[] {
  const taken = new Set(path.map((step) => step.choice));
  const labels = language.choices[beat].map(({ label }) => label);
  const fresh = labels.filter((label) => !taken.has(label));
  return choice.shuffled(fresh.length >= 2 ? fresh : labels).slice(0, CHOICES_PER_PAGE);
}

function picturePromptOf({ language, page }: Telling, outline: StoryOutline, style: string | null): string {
  const shown = page.beat === 'open' ? outline.characters.slice(0, 1) : outline.characters;
  const stop = language.space === '' ? '。' : '. ';
  const cast = shown.map(
    ({ name, look }) => `${storyLine(name)}${language.space === '' ? '：' : ': '}${storyLine(look)}`,
  );
  const parts = [storyLine(style ?? '') || language.style, ...cast, page.scenes.join(language.space)];
  return shortened(parts.map((part) => part.replace(/[.。]+$/u, '')).join(stop), MAX_PROMPT_CHARS);
}

/** The page in other words; the same only where there are none. */
function retold(request: RegenerateRequest): string {
  const previous = storyText(request.current.text);
  for (let variant = 1; variant <= MOST_RETELLINGS; variant += 1) {
    const { text } = demoPage(request, variant);
    if (storyText(text) !== previous) return text;
  }
  return request.current.text;
}
