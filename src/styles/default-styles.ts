// The styles that a new installation starts with: pure data, written once by a migration. Ids come from the slugs, so that
// they are the same on every installation; the covers in covers/ were painted by the sandbox from the `cover` prompts.
import { sha256Hex } from '../kernel/id.ts';

export interface DefaultStyle {
  slug: string;
  names: { en: string; zh: string };
  template: string;
  negative: string;
  aspectRatio: string | null;
  /** What its cover shows. */
  cover: string;
}

export interface DefaultCategory {
  slug: string;
  names: { en: string; zh: string };
  styles: readonly DefaultStyle[];
}

const ID_HEX_CHARS = 32;

/** The id of a default category or style. */
export function defaultId(prefix: 'style' | 'stylecat', slug: string): string {
  return `${prefix}_${sha256Hex(`drawbridge ${prefix} ${slug}`).slice(0, ID_HEX_CHARS)}`;
}

const NOT_A_PHOTO = 'photograph, photorealistic, 3d render, text, watermark';
const NOT_A_DRAWING = 'illustration, drawing, cartoon, painting, text, watermark, oversaturated';

const PHOTOGRAPHY: DefaultCategory = {
  slug: 'photography',
  names: { en: 'Photography', zh: '摄影' },
  styles: [
    {
      slug: 'natural-light',
      names: { en: 'Natural light', zh: '自然光' },
      template:
        '{prompt}, natural light photograph, soft window light, true-to-life colours, 50mm lens, shallow depth of field, fine detail',
      negative: NOT_A_DRAWING,
      aspectRatio: '3:2',
      cover: 'meadow of flowers in the morning, mountains',
    },
    {
      slug: 'film-still',
      names: { en: 'Film still', zh: '电影剧照' },
      template:
        '{prompt}, cinematic film still, anamorphic lens, dramatic side light, muted colour grade, subtle grain, strong composition',
      negative: NOT_A_DRAWING,
      aspectRatio: '16:9',
      cover: 'city skyline at dusk, rain',
    },
    {
      slug: 'black-and-white',
      names: { en: 'Black and white', zh: '黑白摄影' },
      template:
        '{prompt}, black and white photograph, rich greys, deep shadows, silver gelatin print, fine grain, timeless',
      negative: `${NOT_A_DRAWING}, colour`,
      aspectRatio: '3:2',
      cover: 'mountains in the fog, winter snow',
    },
    {
      slug: 'product',
      names: { en: 'Product shot', zh: '产品图' },
      template:
        'product photograph of {prompt}, clean seamless background, softbox light, crisp edges, gentle shadow, catalogue quality',
      negative: `${NOT_A_DRAWING}, clutter, hands`,
      aspectRatio: '1:1',
      cover: 'teahouse by a lake, golden evening',
    },
    {
      slug: 'aerial',
      names: { en: 'Aerial view', zh: '航拍' },
      template:
        '{prompt}, aerial drone photograph, seen from high above, long shadows, clear air, striking patterns, high detail',
      negative: NOT_A_DRAWING,
      aspectRatio: '4:3',
      cover: 'topographic island map from above',
    },
  ],
};

const PAINTING: DefaultCategory = {
  slug: 'painting',
  names: { en: 'Painting', zh: '绘画' },
  styles: [
    {
      slug: 'watercolour',
      names: { en: 'Watercolour', zh: '水彩' },
      template:
        '{prompt}, watercolour painting, wet-on-wet washes, soft bleeding edges, visible paper texture, light and airy palette',
      negative: NOT_A_PHOTO,
      aspectRatio: null,
      cover: 'sakura cherry blossom, lake, spring',
    },
    {
      slug: 'oil',
      names: { en: 'Oil painting', zh: '油画' },
      template:
        '{prompt}, oil painting on canvas, rich impasto brushwork, warm layered glazes, painterly light, museum quality',
      negative: NOT_A_PHOTO,
      aspectRatio: null,
      cover: 'lighthouse on a cliff, golden sunset, sea',
    },
    {
      slug: 'ink-wash',
      names: { en: 'Ink wash', zh: '水墨' },
      template:
        '{prompt}, Chinese ink wash painting, expressive brush strokes, flowing ink tones on rice paper, generous empty space, poetic mood',
      negative: `${NOT_A_PHOTO}, bright colours`,
      aspectRatio: '3:4',
      cover: 'ink wash mountains, shanshui',
    },
    {
      slug: 'gongbi',
      names: { en: 'Gongbi', zh: '工笔' },
      template:
        '{prompt}, Chinese gongbi painting, fine even outlines, delicate layered mineral colours on silk, elegant and meticulous',
      negative: NOT_A_PHOTO,
      aspectRatio: '3:4',
      cover: 'koi fish in a lotus pond',
    },
    {
      slug: 'ukiyo-e',
      names: { en: 'Ukiyo-e', zh: '浮世绘' },
      template:
        '{prompt}, ukiyo-e woodblock print, flat colours, bold outlines, stylised waves and clouds, traditional Japanese composition',
      negative: NOT_A_PHOTO,
      aspectRatio: '3:4',
      cover: 'great waves of the sea, indigo',
    },
  ],
};

const ILLUSTRATION: DefaultCategory = {
  slug: 'illustration',
  names: { en: 'Illustration', zh: '插画' },
  styles: [
    {
      slug: 'picture-book',
      names: { en: 'Picture book', zh: '绘本' },
      template:
        "{prompt}, children's picture book illustration, warm gouache textures, rounded friendly shapes, cosy light, gentle humour",
      negative: 'photograph, photorealistic, frightening, text, watermark',
      aspectRatio: '4:3',
      cover: 'a sleeping fox, paper',
    },
    {
      slug: 'anime',
      names: { en: 'Anime', zh: '动漫' },
      template:
        '{prompt}, anime key visual, clean line art, expressive cel shading, luminous sky, detailed background, vivid yet soft colours',
      negative: 'photograph, photorealistic, deformed, extra fingers, text, watermark',
      aspectRatio: '16:9',
      cover: 'starry night sky, aurora',
    },
    {
      slug: 'flat-vector',
      names: { en: 'Flat vector', zh: '扁平插画' },
      template:
        '{prompt}, flat vector illustration, simple geometric shapes, limited harmonious palette, clean edges, modern editorial style',
      negative: 'photograph, gradients, texture, noise, text, watermark',
      aspectRatio: null,
      cover: 'bauhaus geometric poster, candy',
    },
    {
      slug: 'line-art',
      names: { en: 'Line art', zh: '线稿' },
      template:
        '{prompt}, elegant line art, confident single-weight black lines on white paper, no shading, plenty of empty space',
      negative: 'colour, shading, photograph, text, watermark',
      aspectRatio: null,
      cover: 'contour lines of a terrain, nordic',
    },
    {
      slug: 'stained-glass',
      names: { en: 'Stained glass', zh: '彩绘玻璃' },
      template:
        '{prompt}, stained glass window, glowing jewel colours, bold lead lines, light shining through, ornate symmetrical design',
      negative: NOT_A_PHOTO,
      aspectRatio: '3:4',
      cover: 'stained glass cathedral window',
    },
  ],
};

const DESIGN: DefaultCategory = {
  slug: 'design',
  names: { en: 'Design and 3D', zh: '设计与 3D' },
  styles: [
    {
      slug: 'clay',
      names: { en: 'Clay figure', zh: '黏土' },
      template:
        '{prompt}, handmade clay figure, soft rounded forms, visible fingerprints, stop-motion set, warm studio light, shallow focus',
      negative: 'flat, drawing, text, watermark',
      aspectRatio: '1:1',
      cover: 'a rabbit before the moon',
    },
    {
      slug: 'papercut',
      names: { en: 'Papercut', zh: '剪纸' },
      template:
        '{prompt}, layered papercut art, crisp cut edges, stacked coloured card, soft shadows between layers, intricate silhouette',
      negative: 'photograph of people, blur, text, watermark',
      aspectRatio: '1:1',
      cover: 'forest with a deer, layers, emerald',
    },
    {
      slug: 'isometric',
      names: { en: 'Isometric', zh: '等距视角' },
      template:
        '{prompt}, isometric 3D miniature, tidy diorama on a plain background, soft global light, rounded details, pastel colours',
      negative: 'perspective distortion, clutter, text, watermark',
      aspectRatio: '1:1',
      cover: 'bridge over a river, candy',
    },
    {
      slug: 'poster',
      names: { en: 'Retro poster', zh: '复古海报' },
      template:
        '{prompt}, mid-century travel poster, bold simplified shapes, screen-print texture, limited palette, strong silhouette',
      negative: 'photograph, photorealistic, cluttered, watermark',
      aspectRatio: '2:3',
      cover: 'desert dunes, sun, poster, autumn',
    },
    {
      slug: 'mandala',
      names: { en: 'Mandala', zh: '曼陀罗' },
      template:
        '{prompt} as an intricate mandala, radial symmetry, fine repeating ornament, balanced jewel colours, crisp lines',
      negative: `${NOT_A_PHOTO}, asymmetry`,
      aspectRatio: '1:1',
      cover: 'mandala ornament',
    },
  ],
};

/** In the order in which they are shown. */
export const DEFAULT_CATEGORIES: readonly DefaultCategory[] = [PHOTOGRAPHY, PAINTING, ILLUSTRATION, DESIGN];
