// What a prompt asks for: scene, palette and motifs, found by English and Chinese keywords; where none fits, a hash of
// the prompt decides. Invariant: a prompt only ever selects from these tables, it is never drawn or written anywhere.
import type { ScenePicture } from './canvas.ts';
import { PALETTES, type Palette, type PaletteName, turnHues } from './palettes.ts';
import { hashFraction, Random } from './random.ts';
import { contours, pour, ribbons } from './scene-abstract.ts';
import { type Animal, animalBeforeMoon } from './scene-animal.ts';
import { bridge } from './scene-bridge.ts';
import { city } from './scene-city.ts';
import { mandala, meadow } from './scene-flora.ts';
import { forest } from './scene-forest.ts';
import { glass, poster } from './scene-geometry.ts';
import { dunes, inkWash, mountains } from './scene-land.ts';
import { lighthouse } from './scene-lighthouse.ts';
import { aurora, planets } from './scene-night.ts';
import { sleepingFox } from './scene-papercut.ts';
import { teahouse } from './scene-teahouse.ts';
import { pond, sea, waves } from './scene-water.ts';
import type { SceneContext } from './scenery.ts';

interface Scene {
  paint: (context: SceneContext) => ScenePicture;
  /** What it wears when the prompt names no mood. */
  palettes: readonly PaletteName[];
  /** What it wears at night. */
  nightPalettes: readonly PaletteName[];
  /** Whether a named mood may replace its palettes: an aurora needs a dark sky whatever the season. */
  takesMoods: boolean;
  /** Whether it can snow and rain there. */
  outdoors: boolean;
  /** Chosen by the hash as well; the others only when they are named. */
  common: boolean;
  words: string;
}

const ANIMAL_PALETTES: readonly PaletteName[] = ['dusk', 'golden', 'midnight', 'sakura', 'autumn', 'emerald'];
const DARK: readonly PaletteName[] = ['midnight', 'dusk', 'aurora', 'nebula'];

function animalScene(animal: Animal, words: string): Scene {
  return {
    paint: animalBeforeMoon(animal),
    palettes: ANIMAL_PALETTES,
    nightPalettes: DARK,
    takesMoods: true,
    outdoors: false,
    common: false,
    words,
  };
}

const HOUSE_WORDS =
  'teahouse,tea house,pagoda,temple,shrine,cottage,cabin,hut,house,茶舍,茶馆,茶室,亭子,宝塔,佛塔,寺,庙,小屋,木屋';

/** In order of precedence: a style is stronger than a creature, a creature than a place. */
export const SCENES = {
  ink: {
    paint: (context: SceneContext) => (context.motifs.has('house') ? teahouse(context) : inkWash(context)),
    palettes: ['sumi'],
    nightPalettes: ['sumi'],
    takesMoods: false,
    outdoors: false,
    common: true,
    words: 'ink wash,ink painting,sumi,shanshui,calligraphy,水墨,山水,国画,墨',
  },
  glass: {
    paint: glass,
    palettes: ['tropic', 'golden', 'lagoon', 'nebula', 'emerald', 'dusk', 'candy'],
    nightPalettes: DARK,
    takesMoods: true,
    outdoors: false,
    common: true,
    words:
      'stained glass,mosaic,voronoi,cathedral,crystal,church,彩色玻璃,彩绘玻璃,玻璃窗,马赛克,教堂,水晶,彩窗',
  },
  poster: {
    paint: poster,
    palettes: ['poster', 'autumn', 'tropic', 'lagoon', 'candy'],
    nightPalettes: ['midnight', 'ember'],
    takesMoods: true,
    outdoors: false,
    common: true,
    words: 'bauhaus,geometric,geometry,poster,minimal,minimalist,shapes,cubist,包豪斯,几何,海报,极简',
  },
  mandala: {
    paint: mandala,
    palettes: ['candy', 'tropic', 'sakura', 'emerald', 'dusk', 'ember', 'lagoon'],
    nightPalettes: DARK,
    takesMoods: true,
    outdoors: false,
    common: true,
    words: 'mandala,ornament,kaleidoscope,symmetry,symmetrical,曼陀罗,对称,万花筒,纹样',
  },
  contours: {
    paint: contours,
    palettes: ['emerald', 'mint', 'sahara', 'autumn', 'lagoon', 'nordic'],
    nightPalettes: ['midnight'],
    takesMoods: true,
    outdoors: false,
    common: true,
    words: 'map,topographic,contour,terrain,island,cartography,treasure,地图,地形,等高线,岛,岛屿',
  },
  pond: {
    paint: pond,
    palettes: ['emerald', 'lagoon', 'midnight', 'sakura'],
    nightPalettes: ['midnight'],
    takesMoods: true,
    outdoors: false,
    common: true,
    words: 'koi,fish,goldfish,carp,pond,lotus,鱼,锦鲤,金鱼,荷花,莲,池塘',
  },
  cat: animalScene('cat', 'cat,kitten,kitty,猫,小猫'),
  fox: {
    ...animalScene('fox', 'fox,wolf,狐,狐狸,狼'),
    paint: (context: SceneContext) =>
      context.motifs.has('sleeping') ? sleepingFox(context) : animalBeforeMoon('fox')(context),
  },
  rabbit: animalScene('rabbit', 'rabbit,bunny,hare,兔,兔子'),
  dog: animalScene('dog', 'dog,puppy,hound,狗,小狗,犬'),
  owl: animalScene('owl', 'owl,猫头鹰'),
  deer: animalScene('deer', 'deer,stag,elk,moose,horse,animal,鹿,马,动物'),
  bird: animalScene('bird', 'bird,sparrow,robin,crow,raven,swallow,鸟,燕子,麻雀'),
  planets: {
    paint: planets,
    palettes: ['nebula', 'ember', 'aurora', 'midnight'],
    nightPalettes: ['nebula', 'midnight'],
    takesMoods: false,
    outdoors: false,
    common: true,
    words:
      'space,planet,galaxy,nebula,universe,cosmos,cosmic,astronaut,saturn,spaceship,alien,宇宙,太空,星球,行星,银河,星云,宇航员',
  },
  aurora: {
    paint: aurora,
    palettes: ['aurora', 'midnight', 'nebula'],
    nightPalettes: ['aurora'],
    takesMoods: false,
    outdoors: false,
    common: true,
    words: 'aurora,northern lights,starry,stars,night sky,极光,星空,繁星',
  },
  lighthouse: {
    paint: lighthouse,
    palettes: ['nordic', 'dusk', 'midnight', 'lagoon', 'golden'],
    nightPalettes: ['midnight', 'dusk'],
    takesMoods: true,
    outdoors: true,
    common: false,
    words: 'lighthouse,灯塔',
  },
  bridge: {
    paint: bridge,
    palettes: ['bluehour', 'dusk', 'golden', 'dawn', 'lagoon'],
    nightPalettes: ['midnight', 'bluehour', 'dusk'],
    takesMoods: true,
    outdoors: true,
    common: false,
    words: 'bridge,drawbridge,footbridge,桥',
  },
  teahouse: {
    paint: teahouse,
    palettes: ['dawn', 'mint', 'emerald', 'golden', 'sakura', 'autumn'],
    nightPalettes: ['midnight', 'dusk'],
    takesMoods: true,
    outdoors: true,
    common: false,
    words: HOUSE_WORDS,
  },
  waves: {
    paint: waves,
    palettes: ['lagoon', 'nordic', 'tropic', 'golden', 'mint'],
    nightPalettes: ['midnight'],
    takesMoods: true,
    outdoors: true,
    common: true,
    words: 'wave,surf,tsunami,storm,hokusai,ukiyo-e,浪,海浪,波浪,浮世绘',
  },
  city: {
    paint: city,
    palettes: ['dusk', 'golden', 'midnight', 'tropic', 'nebula'],
    nightPalettes: ['midnight', 'dusk', 'nebula'],
    takesMoods: true,
    outdoors: true,
    common: true,
    words:
      'city,skyline,skyscraper,street,building,town,tokyo,shanghai,cyberpunk,neon,metropolis,tower,城市,城,都市,街,街道,楼,建筑,上海,东京,霓虹,赛博朋克',
  },
  sea: {
    paint: sea,
    palettes: ['golden', 'dusk', 'lagoon', 'tropic', 'dawn'],
    nightPalettes: ['midnight', 'dusk'],
    takesMoods: true,
    outdoors: true,
    common: true,
    words: 'sea,ocean,beach,coast,harbour,harbor,boat,ship,sail,sailboat,bay,海,大海,海洋,沙滩,海滩,船,帆,港',
  },
  dunes: {
    paint: dunes,
    palettes: ['sahara', 'golden', 'dusk', 'ember'],
    nightPalettes: ['midnight', 'dusk'],
    takesMoods: true,
    outdoors: true,
    common: true,
    words: 'desert,dune,sahara,sand,camel,oasis,mars,沙漠,沙丘,骆驼,火星,戈壁',
  },
  meadow: {
    paint: meadow,
    palettes: ['sakura', 'mint', 'dawn', 'tropic', 'candy', 'golden'],
    nightPalettes: ['midnight', 'dusk'],
    takesMoods: true,
    outdoors: true,
    common: true,
    words:
      'flower,rose,tulip,blossom,meadow,garden,bouquet,daisy,sunflower,poppy,butterfly,spring,花,花朵,玫瑰,花园,向日葵,蝴蝶,郁金香,草地,春天,春',
  },
  forest: {
    paint: forest,
    palettes: ['emerald', 'mint', 'autumn', 'golden', 'dawn', 'nordic'],
    nightPalettes: ['aurora', 'midnight'],
    takesMoods: true,
    outdoors: true,
    common: true,
    words: 'forest,wood,woods,tree,jungle,pine,bamboo,grove,leaf,leaves,森林,树,树林,竹,丛林,松',
  },
  mountains: {
    paint: mountains,
    palettes: ['dawn', 'golden', 'nordic', 'dusk', 'autumn', 'mint', 'lagoon'],
    nightPalettes: ['midnight', 'aurora'],
    takesMoods: true,
    outdoors: true,
    common: true,
    words:
      'mountain,hill,peak,alps,valley,canyon,lake,landscape,cliff,volcano,castle,village,road,river,山,山脉,峰,山谷,湖,风景,河,火山,城堡,村',
  },
  pour: {
    paint: pour,
    palettes: ['lagoon', 'ember', 'tropic', 'candy', 'emerald', 'nebula'],
    nightPalettes: DARK,
    takesMoods: true,
    outdoors: false,
    common: true,
    words:
      'abstract,marble,fluid,liquid,pour,smoke,texture,acrylic,agate,oil,dream,抽象,大理石,流体,液体,烟,纹理,梦',
  },
  ribbons: {
    paint: ribbons,
    palettes: ['tropic', 'dusk', 'candy', 'ember', 'lagoon', 'aurora', 'golden'],
    nightPalettes: DARK,
    takesMoods: true,
    outdoors: false,
    common: true,
    words:
      'flow,ribbon,swirl,silk,wind,music,motion,dance,energy,feather,hair,portrait,dragon,流动,丝带,旋涡,丝绸,风,音乐,舞,能量,羽毛,龙',
  },
} as const satisfies Record<string, Scene>;

export type SceneName = keyof typeof SCENES;

/** Moods: the first that a prompt names decides the palette. */
const MOODS: readonly (readonly [words: string, palettes: readonly PaletteName[]])[] = [
  ['ink wash,水墨', ['sumi']],
  ['sakura,cherry,pink,樱花,樱,粉', ['sakura']],
  ['blue hour,蓝调', ['bluehour']],
  ['autumn,fall leaves,october,maple,秋,秋天,枫', ['autumn']],
  ['winter,snow,snowy,ice,frozen,cold,冬,冬天,雪,冰', ['nordic']],
  ['sunset,golden hour,evening,日落,夕阳,黄昏,落日', ['golden', 'dusk']],
  ['sunrise,dawn,morning,日出,黎明,清晨,早晨', ['dawn']],
  ['dusk,twilight,purple,violet,暮,暮色,紫', ['dusk']],
  ['neon,cyberpunk,synthwave,霓虹,赛博朋克', ['nebula', 'dusk']],
  ['fire,lava,volcano,red,flame,火焰,烈火,篝火,红,岩浆,火山', ['ember']],
  ['tropical,summer,热带,夏,夏天', ['tropic']],
  ['spring,fresh,mint,春,春天,清新', ['mint', 'sakura']],
  ['candy,pastel,cute,kawaii,rainbow,糖果,可爱,彩虹', ['candy']],
  ['gold,golden,orange,yellow,金,橙,黄', ['golden']],
  ['blue,turquoise,teal,azure,蓝,青', ['lagoon']],
  ['green,emerald,绿,翠', ['emerald']],
  ['night,midnight,moon,moonlit,moonlight,dark,夜,夜晚,月,月亮,月光,黑', []],
];

const MOTIFS: readonly (readonly [motif: string, words: string])[] = [
  ['night', 'night,midnight,moon,moonlit,moonlight,starry,dark,夜,月,星空'],
  ['moon', 'moon,moonlit,moonlight,月,月亮,月光'],
  ['crescent', 'crescent,new moon,月牙,新月'],
  ['snow', 'snow,snowy,winter,alps,ice,雪,冬,冰'],
  ['lake', 'lake,reflection,river,湖,倒影,河'],
  ['forest', 'forest,pine,森林,松'],
  ['pine', 'pine,taiga,conifer,fir,松,针叶'],
  ['boat', 'boat,ship,sail,sailboat,船,帆'],
  ['bird', 'bird,birds,鸟'],
  ['ring', 'ring,saturn,环,土星'],
  ['silver', 'silver,银'],
  ['storm', 'storm,stormy,tempest,gale,风暴,暴风,暴雨'],
  ['rain', 'rain,rainy,raining,雨'],
  ['house', HOUSE_WORDS],
  ['pagoda', 'pagoda,宝塔,佛塔'],
  ['drawbridge', 'drawbridge,bascule,opening,raised,吊桥,开启'],
  ['glass', 'glass,crystal,玻璃,水晶'],
  ['sleeping', 'sleeping,asleep,curled,熟睡,睡'],
  ['autumn', 'autumn,fall leaves,october,maple,秋,枫'],
];

const DIRECTIVE = /\[sandbox:[^\]]*\]/g;

/** The prompt as far as it matters to the picture: without directives, in one case and one spacing. */
export function pictureText(prompt: string): string {
  return prompt.normalize('NFKC').replaceAll(DIRECTIVE, ' ').toLowerCase().replaceAll(/\s+/g, ' ').trim();
}

/** Words of Latin script count as whole words (with a plural); Chinese ones anywhere. */
function mentions(text: string, words: string): boolean {
  return words.split(',').some((word) => {
    if (!/^[a-z]/.test(word)) return text.includes(word);
    for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + 1)) {
      const before = text[at - 1] ?? ' ';
      const after = text.slice(at + word.length).replace(/^e?s(?![a-z])/, '')[0] ?? ' ';
      if (!/[a-z]/.test(before) && !/[a-z]/.test(after)) return true;
    }
    return false;
  });
}

export interface PicturePlan {
  scene: SceneName;
  palette: Palette;
  motifs: ReadonlySet<string>;
  /** Seeds everything that is drawn. */
  seedText: string;
}

/** Picks scene, palette and motifs. What the negative prompt names is not used as long as anything else is left. */
export function planPicture(prompt: string, negativePrompt: string | null, seed: number): PicturePlan {
  const text = pictureText(prompt);
  const unwanted = negativePrompt ? pictureText(negativePrompt) : '';
  const names = Object.keys(SCENES) as SceneName[];
  const allowed = names.filter((name) => !mentions(unwanted, SCENES[name].words));
  const candidates = allowed.length > 0 ? allowed : names;
  const common = candidates.filter((name) => SCENES[name].common);
  const fallback = common.length > 0 ? common : candidates;
  const scene =
    candidates.find((name) => mentions(text, SCENES[name].words)) ??
    (fallback[Math.floor(hashFraction(`scene/${text}`) * fallback.length)] as SceneName);
  const motifs = new Set(
    MOTIFS.filter(([, words]) => mentions(text, words) && !mentions(unwanted, words)).map(([motif]) => motif),
  );
  const seedText = `${text}/${unwanted}/${seed}`;
  return { scene, palette: choosePalette(text, unwanted, scene, motifs, seedText), motifs, seedText };
}

/** Lightness under which the top of a sky is a night's. */
const DARK_SKY = 0.3;
/** How far a seed may turn the hues of a palette, in degrees. */
const HUE_TURN = 9;

function choosePalette(
  text: string,
  unwanted: string,
  scene: SceneName,
  motifs: ReadonlySet<string>,
  seedText: string,
): Palette {
  const random = new Random(`palette/${seedText}`);
  const isUnwanted = (name: PaletteName) =>
    MOODS.some(([words, palettes]) => palettes.includes(name) && mentions(unwanted, words));
  // At night only a mood that has dark palettes counts.
  const fits = (palettes: readonly PaletteName[]) =>
    !motifs.has('night') || palettes.every((name) => PALETTES[name].sky[0][0] < DARK_SKY);
  const mood = MOODS.find(
    ([words, palettes]) => fits(palettes) && mentions(text, words) && !mentions(unwanted, words),
  );
  const own: readonly PaletteName[] = motifs.has('night')
    ? SCENES[scene].nightPalettes
    : SCENES[scene].palettes;
  const steered = mood && mood[1].length > 0 && SCENES[scene].takesMoods;
  const named = steered ? mood[1] : own;
  const wanted = named.filter((name) => !isUnwanted(name));
  const name = random.pick(wanted.length > 0 ? wanted : own);
  return turnHues(PALETTES[name], random.range(-HUE_TURN, HUE_TURN));
}
