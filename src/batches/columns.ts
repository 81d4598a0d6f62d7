// Which column of a table is which field of a task, by its header in English or Chinese, and what a cell's text means there.

/** Fields of a task that a column can hold. */
export const COLUMN_FIELDS = [
  'prompt',
  'negative_prompt',
  'model',
  'mode',
  'size',
  'aspect_ratio',
  'n',
  'seed',
  'style',
  'strength',
  'images',
  'mask',
  'provider',
] as const;
export type ColumnField = (typeof COLUMN_FIELDS)[number];

/** As people name their columns; compared without case, spaces, underscores and dashes. */
const NAMES: Record<ColumnField, string> = {
  prompt:
    'prompt prompts text description 提示词 提示語 提示 正向提示词 正面提示词 描述 画面描述 文案 内容 文本',
  negative_prompt: 'negativeprompt negative 反向提示词 负向提示词 负面提示词 反向词 负面词 排除',
  model: 'model 模型 模型名称',
  mode: 'mode 模式 类型',
  size: 'size pixels resolution 尺寸 大小 分辨率 像素 图片尺寸',
  aspect_ratio: 'aspectratio ratio aspect 比例 宽高比 画幅 画面比例 图片比例',
  n: 'n count number 数量 张数 图片数量 生成数量',
  seed: 'seed 种子 随机种子 种子值',
  style: 'style 风格 画风 样式 图片风格',
  strength: 'strength 强度 重绘强度 参考强度',
  images:
    'image images imageurl input inputimage picture 图片 图像 参考图 原图 垫图 图片链接 参考图片 图片地址',
  mask: 'mask 蒙版 遮罩',
  provider: 'provider 渠道 服务商 供应商 提供商',
};

const FIELD_OF = new Map(
  COLUMN_FIELDS.flatMap((field) => NAMES[field].split(' ').map((name) => [name, field] as const)),
);

const MODES: Record<string, string> = {
  文生图: 'text-to-image',
  图生图: 'image-to-image',
  放大: 'upscale',
  高清: 'upscale',
};

/** The field that a header names; null when none is known. */
export function fieldOfHeader(header: string): ColumnField | null {
  const name = header
    .normalize('NFKC')
    .toLowerCase()
    .replaceAll(/[\s_\-()[\]:：*]/g, '');
  return FIELD_OF.get(name) ?? null;
}

/** Our own exports put an apostrophe before what a spreadsheet would take for a formula. */
export function unescapeCell(cell: string): string {
  return /^'[=+\-@\t\r]/.test(cell) ? cell.slice(1) : cell;
}

/** A cell as the value of its field; undefined for an empty one. What does not fit is left for the check to name. */
export function cellValue(field: ColumnField, cell: string): unknown {
  const text = unescapeCell(cell).trim();
  if (text === '') return undefined;
  const plain = text.normalize('NFKC');
  switch (field) {
    case 'n':
    case 'seed':
    case 'strength':
      return plain !== '' && Number.isFinite(Number(plain)) ? Number(plain) : plain;
    case 'size':
      return plain.replaceAll(/\s/g, '').toLowerCase();
    case 'aspect_ratio':
      return plain.replaceAll(/\s/g, '').replace('/', ':');
    case 'mode':
      return MODES[text] ?? plain.toLowerCase();
    case 'images':
      return plain.split(/[\s|;]+/).map(pictureOf);
    case 'mask':
      return pictureOf(plain);
    default:
      return text;
  }
}

/** A picture as a cell names it: an id of an upload or a picture, or an address. */
export function pictureOf(text: string): Record<string, string> {
  if (text.startsWith('up_')) return { upload_id: text };
  if (text.startsWith('img_')) return { image_id: text };
  return { url: text };
}
