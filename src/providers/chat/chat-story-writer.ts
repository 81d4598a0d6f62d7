// A story writer on a chat model: builds the questions, and turns checked answers into the story's own shapes.
import type {
  ChatModel,
  Completion,
  OutlinesRequest,
  PageRequest,
  RegenerateRequest,
  StoryOutline,
  StoryPage,
  StoryRequest,
  StoryWriter,
  Written,
} from './chat.ts';
import { MOST_IDEA_CHARS } from './chat.ts';
import { shortened, storyText, visibleText } from './hostile-text.ts';
import {
  LANGUAGE_NAMES,
  LAST_CHOICES,
  MORE_CHOICES,
  OUTLINES_TASK,
  PAGE_TASK,
  RETELL_TASK,
  STORY_RULES,
} from './story-prompts.ts';
import { outlinesSchema, pageSchema, textSchema } from './story-schemas.ts';
import { partialField } from './structured-answer.ts';

/** Room for three outlines of twelve pages in Chinese, with as much again to spare. */
const OUTLINE_TOKENS = 600;
const OUTLINE_PAGE_TOKENS = 160;
const PAGE_TOKENS = 2500;
const MAX_STYLE_CHARS = 300;
/** Earlier pages in full; those before are only told by their choices. */
const PAGES_IN_FULL = 6;
const MAX_PATH_TEXT_CHARS = 3000;

/** A writer that asks `model`; prices, names and addresses are the model's. */
export function chatStoryWriter(model: ChatModel): StoryWriter {
  return {
    name: model.name,
    byDemoWriter: false,
    endpoints: model.endpoints,
    priceMicros: model.priceMicros,
    outlines: (request) => outlines(model, request),
    page: (request) => page(model, request),
    regenerateText: (request) => regenerateText(model, request),
    probe: (call) => model.probe(call),
  };
}

function written<T, V>({ model, usage }: Completion<T>, value: V): Written<V> {
  return { value, byDemoWriter: false, model, usage };
}

function filledIn(template: string, words: Readonly<Record<string, string | number>>): string {
  return template.replace(/\{(\w+)\}/g, (whole, name: string) => String(words[name] ?? whole));
}

function rules(request: StoryRequest, task: string): string {
  return `${filledIn(STORY_RULES, { language: LANGUAGE_NAMES[request.language] })}\n\nYour task: ${task}`;
}

/** The one message, whose JSON cannot be left by anything that stands in it. */
function dataMessage(request: StoryRequest, more: Readonly<Record<string, unknown>>) {
  const data = {
    idea: shortened(visibleText(request.idea), MOST_IDEA_CHARS),
    style:
      shortened(visibleText(request.style ?? ''), MAX_STYLE_CHARS) ||
      "children's picture book, soft watercolour",
    ...more,
  };
  return [{ role: 'user' as const, content: `Data:\n${JSON.stringify(data)}` }];
}

async function outlines(
  model: ChatModel,
  request: OutlinesRequest,
): Promise<Written<readonly StoryOutline[]>> {
  const { language, pages, count, signal } = request;
  const completion = await model.complete({
    system: rules(request, filledIn(OUTLINES_TASK, { pages, count })),
    messages: dataMessage(request, {}),
    schema: outlinesSchema(language, pages, count),
    schemaName: 'story_outlines',
    maxOutputTokens: count * (OUTLINE_TOKENS + pages * OUTLINE_PAGE_TOKENS),
    signal,
  });
  return written(
    completion,
    completion.value.outlines.map((outline) => ({ ...outline, plan: '' })),
  );
}

/** What the model knows of the story so far. */
function storyData({ outline, path }: PageRequest) {
  const { title, summary, characters, pages } = outline;
  const steps = path.map(({ text, choice }, index) => ({
    page: index + 1,
    ...(index >= path.length - PAGES_IN_FULL
      ? { text: shortened(storyText(text), MAX_PATH_TEXT_CHARS) }
      : {}),
    choice: storyText(choice),
  }));
  return { outline: { title, summary, characters, pages }, path: steps };
}

/** Shows the page's text while its JSON is still arriving. */
function showingText(onText: PageRequest['onText']) {
  if (!onText) return undefined;
  let shown = '';
  return (answerSoFar: string) => {
    const text = storyText(partialField(answerSoFar, 'text') ?? '');
    if (text === '' || text === shown) return;
    shown = text;
    onText(text);
  };
}

const placeOf = ({ outline, path }: PageRequest) => ({
  number: path.length + 1,
  pages: outline.pages.length,
  isLast: path.length + 1 >= outline.pages.length,
});

async function page(model: ChatModel, request: PageRequest): Promise<Written<StoryPage>> {
  const { isLast, ...place } = placeOf(request);
  const task = filledIn(PAGE_TASK, { ...place, choices: isLast ? LAST_CHOICES : MORE_CHOICES });
  const completion = await model.complete({
    system: rules(request, task),
    messages: dataMessage(request, storyData(request)),
    schema: pageSchema(request.language, isLast),
    schemaName: 'story_page',
    maxOutputTokens: PAGE_TOKENS,
    signal: request.signal,
    onText: showingText(request.onText),
  });
  const { text, choices, picture_prompt, alt_text } = completion.value;
  request.onText?.(text);
  return written(completion, { text, choices, picturePrompt: picture_prompt, altText: alt_text });
}

async function regenerateText(model: ChatModel, request: RegenerateRequest): Promise<Written<string>> {
  const { isLast: _isLast, ...place } = placeOf(request);
  const current = { text: storyText(request.current.text), choices: request.current.choices };
  const completion = await model.complete({
    system: rules(request, filledIn(RETELL_TASK, place)),
    messages: dataMessage(request, { ...storyData(request), current }),
    schema: textSchema(request.language),
    schemaName: 'story_text',
    maxOutputTokens: PAGE_TOKENS,
    signal: request.signal,
    onText: showingText(request.onText),
  });
  request.onText?.(completion.value.text);
  return written(completion, completion.value.text);
}
