// The demo writer: the same every time, in six languages, with the reader's idea in it, and fit for children.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type PathStep, STORY_LANGUAGES, type StoryLanguage, type StoryOutline } from './chat.ts';
import { readIdea } from './demo-idea.ts';
import { TALE_SUBJECTS } from './demo-language.ts';
import { DEMO_LANGUAGES } from './demo-plot.ts';
import { createDemoWriter } from './demo-writer.ts';

const signal = new AbortController().signal;
const writer = createDemoWriter();
const IDEAS: Readonly<Record<StoryLanguage, readonly [idea: string, words: readonly string[]]>> = {
  en: ['A fox named Pip who is afraid of the dark', ['Pip', 'fox', 'the dark']],
  zh: ['小明去月球找外婆的眼镜', ['小明', '月球', '眼镜']],
  es: ['un dragón llamado Fuego que no sabe nadar', ['Fuego', 'dragón', 'nadar']],
  fr: ['une petite souris nommée Zoé qui veut voir la mer', ['Zoé', 'souris', 'la mer']],
  de: ['Ein Bär namens Bruno, der im Winter nicht schlafen will', ['Bruno', 'Bär', 'Winter']],
  ja: ['リンという女の子と月のうさぎ', ['リン', '女の子', 'うさぎ']],
};

const ask = (language: StoryLanguage, seed: number, idea = IDEAS[language][0]) => ({
  idea,
  language,
  style: null,
  seed,
  signal,
});

async function outline(
  language: StoryLanguage,
  seed: number,
  pages: number,
  idea?: string,
): Promise<StoryOutline> {
  const { value } = await writer.outlines({ ...ask(language, seed, idea), pages, count: 1 });
  const [first] = value;
  assert.ok(first);
  return first;
}

/** A whole story along the first, second or third choice. */
async function tell(language: StoryLanguage, seed: number, pages: number, choose = 0, idea?: string) {
  const plan = await outline(language, seed, pages, idea);
  const path: PathStep[] = [];
  const told = [];
  for (const _ of plan.pages) {
    const { value, byDemoWriter } = await writer.page({ ...ask(language, seed, idea), outline: plan, path });
    assert.ok(byDemoWriter);
    told.push(value);
    path.push({ text: value.text, choice: value.choices[choose % Math.max(1, value.choices.length)] ?? '' });
  }
  return { plan, told, text: told.map((page) => page.text).join('\n') };
}

test('every language has the same tales, at least twenty, and no empty or foreign placeholder', () => {
  const known = /\{(?!(?:hero|guide|Guide|title|idea|clue|topic|choice|scene)\})/;
  for (const [name, language] of Object.entries(DEMO_LANGUAGES)) {
    assert.ok(language.tales.length >= 20 && language.tales.length === TALE_SUBJECTS.length, name);
    assert.equal(new Set(language.tales.map((tale) => tale.title)).size, language.tales.length);
    assert.ok(
      !known.test(
        JSON.stringify(language)
          .replaceAll('{"', '"')
          .replaceAll(/\{(?=\s*})/g, ''),
      ),
      name,
    );
    for (const tale of language.tales) {
      assert.ok(
        Object.values(tale).every((text) => text.trim() === text && text !== ''),
        tale.title,
      );
      assert.match(tale.solve, /\{hero\}/, tale.title);
    }
    for (const choices of Object.values(language.choices)) {
      assert.ok(new Set(choices.map(({ label }) => label)).size >= 3);
    }
  }
});

for (const language of STORY_LANGUAGES) {
  test(`${language}: stories of every length are whole, follow the idea, and leave nothing unfilled`, async () => {
    const words = IDEAS[language][1];
    for (let pages = 2; pages <= 12; pages += 1) {
      const { plan, told, text } = await tell(language, pages, pages, pages);
      const all = JSON.stringify([plan.title, plan.summary, plan.characters, told]);
      assert.ok(!/\{\w+\}|undefined|null/.test(all), all.slice(0, 300));
      for (const word of words) assert.ok(all.includes(word), `${word} in ${all.slice(0, 200)}`);
      assert.ok(text.includes(words[0] ?? ''));
      assert.equal(plan.pages.length, pages);
      for (const [index, page] of told.entries()) {
        const [fewest, most] = index < pages - 1 ? [2, 3] : [0, 0];
        assert.ok(page.choices.length >= fewest && page.choices.length <= most);
        assert.equal(new Set(page.choices).size, page.choices.length);
        assert.ok(page.text.length > 40 && page.picturePrompt.length > 30 && page.altText.length > 8);
      }
    }
  });
}

test('the same question gets the same answer, another seed or choice another one', async () => {
  const story = (await tell('en', 5, 6)).text;
  assert.equal((await tell('en', 5, 6)).text, story);
  assert.notEqual((await tell('en', 6, 6)).text, story);
  assert.notEqual((await tell('en', 5, 6, 1)).text, story);
  const seeds = await Promise.all(
    Array.from({ length: 200 }, (_, seed) => tell('zh', seed, 5, seed, '一个普通的下午')),
  );
  assert.equal(new Set(seeds.map(({ text }) => text)).size, 200);
  assert.ok(new Set(seeds.map(({ plan }) => plan.pages[0]?.summary)).size >= 18);
});

test('proposals come from different tales, and first from one that the idea mentions', async () => {
  const { value, byDemoWriter, model } = await writer.outlines({ ...ask('en', 1), pages: 5, count: 3 });
  assert.deepEqual([value.length, byDemoWriter, model], [3, true, 'demo']);
  assert.equal(new Set(value.map(({ pages }) => pages[0]?.summary)).size, 3);
  assert.match(value[0]?.title ?? '', /Firefly/);
  assert.match((await outline('zh', 1, 5, '月亮上的小兔子')).title, /月亮/);
});

test('an outline that was reordered, edited or renamed is followed', async () => {
  const plan = await outline('en', 3, 6);
  const [open, meet, road, ...rest] = plan.pages;
  assert.ok(open && meet && road);
  const edited: StoryOutline = {
    ...plan,
    characters: [{ name: 'Zara', look: 'a purple hat' }],
    pages: [open, { title: 'My own', summary: 'They find a flying cake.' }, road, meet, ...rest.slice(1)],
  };
  const at = (path: PathStep[]) => writer.page({ ...ask('en', 3), outline: edited, path });
  const step = { text: 'x', choice: 'Fly a kite <b>at once</b>! https://x.example' };
  const own = (await at([step])).value;
  assert.match(own.text, /^So it was decided: Fly a kite at once\.\n\nThey find a flying cake\./);
  assert.match(own.picturePrompt, /Zara: a purple hat/);
  assert.ok((await at([step, step, step])).value.text.includes(meet.summary));
  const last = (await at([step, step, step, step, step])).value;
  assert.deepEqual(last.choices, []);
  assert.ok(last.text.includes('Zara') && !last.text.includes('Pip'));
  const foreign = { ...edited, plan: 'somebody else’s' };
  const told = await writer.page({ ...ask('en', 3), outline: foreign, path: [step] });
  assert.match(told.value.text, /flying cake/);
});

test('a page can be told in other words', async () => {
  const { plan, told } = await tell('fr', 4, 5);
  const [first] = told;
  assert.ok(first);
  const request = { ...ask('fr', 4), outline: plan, path: [], current: first };
  const { value } = await writer.regenerateText(request);
  assert.notEqual(value, first.text);
  assert.equal((await writer.regenerateText(request)).value, value);
});

test('W2 what an idea may not bring in', async () => {
  const unfit = readIdea('a bloody murder with guns', 'en');
  assert.deepEqual([unfit.phrase, unfit.hero], [null, null]);
  const hostile =
    '<img src=x onerror=alert(1)> A cat {hero} [x](javascript:alert(1)) https://evil.example \u202e named Tom';
  const { text, plan } = await tell('en', 1, 3, 0, hostile);
  const all = text + JSON.stringify(plan);
  assert.ok(!/onerror|javascript|evil\.example|\u202e|<img|\{hero\}/.test(all), all);
  for (const idea of ['', ' ', '!!!', 'x'.repeat(5000), '😀'.repeat(500), '的'.repeat(300)]) {
    for (const language of STORY_LANGUAGES)
      assert.ok((await tell(language, 1, 3, 0, idea)).text.length > 100);
  }
});

test('ideas are understood', () => {
  const rows: [StoryLanguage, string, string | null, string | null][] = [
    [
      'en',
      'Tell me a story about a robot who wants to learn the piano.',
      null,
      'a robot who wants to learn the piano',
    ],
    ['en', 'Mia and her dog find a map', 'Mia', 'Mia and her dog find a map'],
    ['en', 'a cat called tom', 'Tom', 'a cat called tom'],
    ['en', 'Once upon a time', null, 'Once upon a time'],
    ['zh', '给我讲一个关于会飞的自行车的故事', null, '会飞的自行车'],
    ['zh', '一只叫米粒的小猫', '米粒', '一只叫米粒的小猫'],
    ['es', 'cuéntame un cuento sobre una niña llamada Sol', 'Sol', 'una niña llamada Sol'],
    ['ja', 'くじらの話', null, 'くじら'],
  ];
  for (const [language, idea, hero, phrase] of rows) {
    const read = readIdea(idea, language);
    assert.deepEqual([read.hero, read.phrase], [hero, phrase], idea);
  }
});
