// What the demo writer needs to tell a story in one language: its tales, and the phrases that join them. In all texts
// `{hero}` is the hero's name, `{guide}` the tale's helper inside a sentence and `{Guide}` at its beginning.

/** One story seed. Every member but `title` and `guide` is one or more whole sentences, so that no grammar breaks. */
export interface DemoTale {
  /** Fits after "and": a noun phrase. */
  title: string;
  /** The helper's name, as it stands inside a sentence. */
  guide: string;
  /** Where it is, and what has gone wrong there. */
  wonder: string;
  /** How the helper comes in. */
  meet: string;
  /** What the helper says, without quotation marks. */
  clue: string;
  obstacle: string;
  find: string;
  /** What the hero does. */
  solve: string;
  end: string;
}

/** A way on that readers may choose, and how the next page begins then. */
export interface DemoChoice {
  label: string;
  leads: string;
}

/** Something that happens on the way, whatever the tale. */
export interface DemoEpisode {
  title: string;
  text: string;
}

export type Beat = 'open' | 'meet' | 'road' | 'block' | 'find' | 'end';

export interface DemoLanguage {
  /** As many as in every other language, in the same order. */
  tales: readonly DemoTale[];
  heroes: readonly string[];
  /** With `{hero}` and `{title}`. */
  titles: readonly string[];
  /** How the story begins; `{idea}` is a noun phrase such as "a fox who fears the dark". */
  ideaNouns: readonly string[];
  /** The same with `{idea}` quoted as it was given. */
  ideaQuotes: readonly string[];
  /** When there is no idea that could be repeated. */
  noIdea: readonly string[];
  /** Says the hero's name when the idea does not have it. */
  naming: readonly string[];
  /** With `{idea}` and `{title}`: what a proposal is about. */
  summaries: readonly string[];
  /** With `{clue}`. */
  speaking: readonly string[];
  /** Something to see, hear or smell. */
  senses: readonly string[];
  feelings: readonly string[];
  /** With `{topic}`: a thing from the reader's idea. */
  topics: readonly string[];
  /** Before the reader chooses. */
  hooks: readonly string[];
  closings: readonly string[];
  /** How a page begins after a choice in the reader's own words, as `{choice}`. */
  ownChoice: string;
  choices: Readonly<Record<Exclude<Beat, 'end'>, readonly DemoChoice[]>>;
  episodes: readonly DemoEpisode[];
  pageTitles: Readonly<Record<Exclude<Beat, 'road'>, readonly string[]>>;
  /** What the hero wears, so that every picture shows the same one. */
  looks: readonly string[];
  guideLook: string;
  style: string;
  /** With `{scene}`. */
  altText: string;
  /** Between sentences. */
  space: string;
}

/** What an idea may mention for a tale to be preferred, in the order of the tales. */
export const TALE_SUBJECTS: readonly RegExp[] = [
  /\b(?:sea|ship|boats?|harbour|harbor|sail|ocean|pirat|mar|barco|mer|bateau|meer|schiff|boot)|海|船|港|舟/i,
  /\b(?:moon|night|luna|lune|mond|nacht|nuit|noche)|月|夜/i,
  /\b(?:book|librar|read|words?|libro|bibliot|livre|buch|bücher)|书|書|图书|図書|本/i,
  /\b(?:forest|tree|woods?|bosque|árbol|forêt|arbre|wald|baum)|森|林|树|木/i,
  /\b(?:snow|winter|ice|cold|nieve|invierno|neige|hiver|schnee|eis)|雪|冬|冰|氷/i,
  /\b(?:robot|machine|clockwork|toy|invent|máquina|jouet|maschine|spielzeug)|机器|ロボット|玩具|おもちゃ/i,
  /\b(?:bak|bread|cake|cook|food|eat|pan\b|pastel|pain|gâteau|brot|kuchen)|面包|蛋糕|饭|パン|ケーキ|食/i,
  /\b(?:cloud|mountain|sheep|rain|nube|montaña|nuage|montagne|wolke|berg|schaf)|云|山|羊|雲|雨/i,
  /\b(?:train|railway|travel|journey|tren|viaje|voyage|zug|reise)|火车|列车|旅|電車|汽車/i,
  /\b(?:garden|flower|plant|seed|jardín|flor|jardin|fleur|garten|blume)|花|园|庭|種/i,
  /\b(?:paint|draw|art|colou?r|pintur|dibuj|peint|dessin|couleur|malen|farbe|bild)|画|颜色|絵|色/i,
  /\b(?:stars?|space|planet|rocket|astronaut|estrella|espacio|étoile|espace|stern|weltraum)|星|宇宙|宇航|太空|火箭/i,
  /\b(?:river|fish|frog|duck|water|río|pez|rivière|poisson|fluss|fisch|wasser)|河|鱼|水|川|魚/i,
  /\b(?:wind|kite|fly|bird|balloon|viento|cometa|pájaro|vent|oiseau|drache\b|vogel)|风|鸟|筝|飞|風|鳥|凧/i,
  /\b(?:island|turtle|whale|isla|tortuga|ballena|île|tortue|baleine|insel|schildkröte|wal\b)|岛|龟|鲸|島|亀|鯨/i,
  /\b(?:clock|time|hour|town|tower|reloj|tiempo|horloge|temps|uhr|zeit|turm)|钟|时间|塔|時計|時間/i,
  /\b(?:dragon|castle|knight|princess|king|queen|castillo|château|burg|schloss|prinzess)|龙|城堡|公主|国王|竜|お城|姫/i,
  /\b(?:lost|market|find|shop|perdido|mercado|perdu|marché|verloren|markt)|丢|市场|集市|迷|失|市/i,
  /\b(?:music|song|sing|piano|dance|música|canción|musique|chanson|musik|lied)|音乐|歌|琴|音楽|ピアノ/i,
  /\b(?:dark|afraid|fear|scared|light|lantern|firefl|oscur|miedo|luz|peur|noir|lumière|dunkel|angst|licht)|黑|怕|灯|光|暗|闇|怖|蛍|萤/i,
];
