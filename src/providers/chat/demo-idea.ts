// What the demo writer understands of a reader's idea: who it is about, a phrase that can be repeated inside a sentence,
// and the things that it mentions. It repeats nothing that does not belong into a story for children.
import type { StoryLanguage } from './chat.ts';
import { storyLine } from './hostile-text.ts';

const MAX_PHRASE_CHARS = 140;
const MAX_TOPICS = 3;

export interface StoryIdea {
  hero: string | null;
  /** Without a full stop; null when there is none, or none that children should read. */
  phrase: string | null;
  /** Whether the phrase is a noun phrase, or fits where one stands. */
  isNoun: boolean;
  topics: readonly string[];
}

/** Ideas with these are told without repeating them. */
const UNFIT =
  /\b(?:kill\w*|murder\w*|blood\w*|gore|suicid\w*|sex\w*|porn\w*|nud[ei]\w*|naked|rape\w*|drug\w*|cocaine|heroin\b|gun|guns|shoot\w*|tortur\w*|nazi\w*|hitler|terroris\w*|fuck\w*|shit\w*|bitch\w*|behead\w*|matar\w*|asesin\w*|sangre|desnud\w*|droga\w*|tuer|meurtr\w*|assassin\w*|sang|nue?s?|drogue\w*|töt\w*|mord\w*|blut\w*|nackt\w*|droge\w*)\b|杀|血|自杀|色情|裸|毒品|强奸|枪|恐怖分子|殺|死体|自殺|麻薬|エロ|拳銃/iu;

/** A request around the idea itself, at its beginning and at its end. */
const REQUESTS: Readonly<Record<StoryLanguage, readonly RegExp[]>> = {
  en: [
    /^(?:please\s+)?(?:(?:tell|write|make|give)(?:\s+(?:me|us))?\s+)?(?:an?\s+)?(?:[a-z]+\s+)?(?:story|tale|book)\s+(?:about|of|on)\s+/i,
    /^about\s+/i,
  ],
  zh: [
    /^(?:请)?(?:给我|帮我)?(?:讲|写|说|来)?(?:一)?个?(?:关于|有关)/u,
    /^(?:请)?(?:给我|帮我)?(?:讲|写)(?:一)?个/u,
    /的?故事$/u,
  ],
  es: [/^(?:por favor,?\s+)?(?:cuéntame\s+|escribe\s+)?(?:una?\s+)?(?:cuento|historia)\s+(?:sobre|de)\s+/i],
  fr: [/^(?:raconte(?:-moi)?\s+|écris\s+)?(?:une?\s+)?(?:histoire|conte)\s+(?:sur|de|d['’])\s*/i],
  de: [/^(?:bitte\s+)?(?:erzähle?\s+(?:mir\s+)?|schreibe?\s+)?(?:eine\s+)?geschichte\s+(?:über|von)\s+/i],
  ja: [/(?:について)?の?(?:お話|話|物語|絵本)(?:を(?:書いて|つくって|して)(?:ください)?)?$/u],
};

/** How a name is given; the first group is the name. */
const NAMES: Readonly<Record<StoryLanguage, readonly RegExp[]>> = {
  en: [
    /\b(?:named|called|name\s+is)\s+([\p{L}][\p{L}'’-]{1,15})/iu,
    /^(\p{Lu}\p{Ll}{1,14}[^s\P{L}])(?:['’]s\b|,?\s+(?:the|and|who|is|has|wants|goes|finds|meets|loves|lives|learns|visits|gets|makes|builds)\b)/u,
  ],
  zh: [
    /(?:名叫|叫做|名字是|叫)(\p{Script=Han}{1,4}?)(?=的|，|,|。|$|和|去|在|想|很|\s)/u,
    /^([小阿]\p{Script=Han})(?=[和去在想的不很是要与跟有找遇])/u,
  ],
  es: [
    /\b(?:llamad[oa]|se\s+llama|de\s+nombre)\s+(\p{Lu}[\p{L}-]{1,15})/u,
    /^(\p{Lu}\p{Ll}{2,14}),?\s+(?:y|el|la|que|va|quiere|es|tiene|encuentra)\b/u,
  ],
  fr: [
    /(?:nommée?|appelée?|s['’]appelle|du\s+nom\s+de)\s+(\p{Lu}[\p{L}-]{1,15})/u,
    /^(\p{Lu}\p{Ll}{2,14}),?\s+(?:et|le|la|qui|va|veut|est|a|trouve)\b/u,
  ],
  de: [
    /\b(?:namens|genannt|heißt)\s+(\p{Lu}[\p{L}-]{1,15})/u,
    /(\p{Lu}\p{Ll}{1,14})\s+heißt/u,
    /^(\p{Lu}\p{Ll}{2,14}),?\s+(?:und|der|die|das|geht|will|ist|hat|findet)\b/u,
  ],
  ja: [
    /([\p{Script=Katakana}ー]{2,8}|[\p{Script=Hiragana}\p{Script=Han}]{2,4})(?:という(?:名前の)?|ちゃん|くん)/u,
  ],
};

/** First words that look like names where a name could stand. */
const NO_NAMES =
  /^(?:a|an|the|my|our|his|her|two|three|once|in|on|when|if|how|why|what|please|tell|write|someone|somebody|el|la|los|las|un|una|le|les|une|der|die|das|ein|eine|ignore|this|that|there|it|he|she|they|we|i)$/i;

const ARTICLES: Partial<Record<StoryLanguage, string>> = {
  en: 'the|an?|his|her|their|my',
  es: 'el|la|los|las|una?|su|sus|mi',
  fr: 'le|la|les|une?|des|son|sa|ses|mon|ma',
};
const TOPIC_ENDS =
  'who|that|which|in|on|at|to|and|with|of|for|from|is|are|was|has|named|called|by|into|under|but|goes|wants|lives|que|en|y|con|de|del|para|por|pero|a|al|qui|dans|et|avec|du|pour|par|mais|sur|va|veut|quiere|vive';

const firstSentence = (text: string) => /^.*?(?=[.!?。！？；;\n]|$)/u.exec(text)?.[0]?.trim() ?? '';

function cut(text: string): string {
  const characters = Array.from(text);
  if (characters.length <= MAX_PHRASE_CHARS) return text;
  const head = characters.slice(0, MAX_PHRASE_CHARS).join('');
  return head.replace(/\s+\S*$/u, '').replace(/[,，、:：]$/u, '');
}

function heroOf(text: string, language: StoryLanguage): string | null {
  for (const pattern of NAMES[language]) {
    const name = pattern.exec(text)?.[1];
    if (name === undefined || NO_NAMES.test(name)) continue;
    return name.charAt(0).toUpperCase() + name.slice(1);
  }
  return null;
}

function fitsAsNoun(phrase: string, language: StoryLanguage): boolean {
  switch (language) {
    case 'en':
      return /^(?:an?|the|two|three|some|my|\p{Lu}\p{Ll}+\s+the)(?:\s+[\p{L}'’-]+){1,3}(?:,?\s+(?:who|that|which|with|without|in|on|at|from|named|called|of|and|under|by|trying|living|looking|learning|going|lost)\b.*)?$/iu.test(
        phrase,
      );
    case 'es':
      return /^(?:una?|unos|unas|la|las|los|dos|tres|mi)\s/i.test(phrase);
    case 'zh':
      return !/[，,：:]/u.test(phrase);
    case 'ja':
      // A verb at the end cannot stand before a noun with its particle.
      return !/[るたすうくむぶつだ]$/u.test(phrase);
    default:
      return true;
  }
}

/** Words of a language that is written without spaces; those of the phrase's head are the hero, not a topic. */
function segmentedTopics(phrase: string, language: 'zh' | 'ja'): string[] {
  const head = /[的の]([^的の]{1,4})$/u.exec(phrase);
  // A number with its measure word would be joined to the next word.
  const body = (head ? phrase.slice(0, head.index) : phrase).replace(/^[一两三几][只个位条头匹群]/u, '');
  const isWord =
    language === 'zh' ? /^\p{Script=Han}{2,}$/u : /^(?:\p{Script=Han}+|[\p{Script=Katakana}ー]{2,})$/u;
  const empty =
    /^(?:[一两三几].|故事|自己|他们|我们|没有|怎么|什么|可以|喜欢|害怕|想要|开始|然后|因为|所以)$/u;
  const segments = new Intl.Segmenter(language, { granularity: 'word' }).segment(body);
  return [...segments]
    .map(({ segment }) => segment)
    .filter((word) => isWord.test(word) && !empty.test(word) && !phrase.startsWith(word));
}

function topicsOf(phrase: string, language: StoryLanguage): string[] {
  if (language === 'zh' || language === 'ja') return segmentedTopics(phrase, language);
  if (language === 'de') return (phrase.match(/(?<=\s)\p{Lu}\p{Ll}{2,}/gu) ?? []).slice(1);
  const pattern = new RegExp(
    `(?<![\\p{L}])(?:${ARTICLES[language]})\\s+[\\p{L}’' -]+?(?=\\s+(?:${TOPIC_ENDS})(?![\\p{L}])|[,.;:!?]|$)`,
    'giu',
  );
  // What stands at the very beginning is the one that the story is about.
  return [...phrase.matchAll(pattern)].filter(({ index }) => index > 0).map(([topic]) => topic);
}

/** Reads an idea in one language; any text is fine, and an empty one too. */
export function readIdea(idea: string, language: StoryLanguage): StoryIdea {
  const line = storyLine(idea).replace(/[{}<>[\]|\\]/g, '');
  if (line === '' || UNFIT.test(line)) return { hero: null, phrase: null, isNoun: false, topics: [] };
  const bare = REQUESTS[language].reduce(
    (text, request) => text.replace(request, '').trim(),
    firstSentence(line),
  );
  const phrase = cut(bare).replace(/^["“”«»„「『]+|["“”«»」』]+$/gu, '');
  if (phrase === '') return { hero: null, phrase: null, isNoun: false, topics: [] };
  const hero = heroOf(bare, language) ?? heroOf(line, language);
  const lowered =
    language === 'en'
      ? phrase.replace(/^(?:An?|The|Two|Three|Some|My)\b/, (word) => word.toLowerCase())
      : phrase;
  const topics = topicsOf(lowered, language).filter((topic) => hero === null || !topic.includes(hero));
  return {
    hero,
    phrase: lowered,
    isNoun: fitsAsNoun(lowered, language),
    topics: [...new Set(topics)].slice(-MAX_TOPICS),
  };
}
