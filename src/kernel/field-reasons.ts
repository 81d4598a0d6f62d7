// Why a field of a request, or of a row of a batch, cannot be used: the English sentence that whatever checked it said (zod's own
// among them), and the code and values that it was made from, so that it can be said in plain words in any language. Invariant: a
// sentence that is not known is `other`, never a guess.
import type { Language } from './errors.ts';
import { fieldReasonsEn } from './messages/field-reasons-en.ts';
import { fieldReasonsZh } from './messages/field-reasons-zh.ts';
import { fillIn, patternOf } from './sentences.ts';

/** By code, each sentence that means it; `{name}` stands for a value. The first that fits counts. */
const SENTENCES = {
  not_json: ['is no JSON'],
  too_many_cells: [
    'has {cells} cells, but there are {columns} columns; text that holds "{separator}" must stand in double quotes',
  ],
  not_an_object: ['must be an object with the fields of a task'],
  metadata_not_object: ['metadata must be an object'],
  too_long: ['has more than {most} characters', 'Too big: expected string to have <={most} characters'],
  too_many_keys: ['has more than {most} keys'],
  too_many_choices: ['The choices of this prompt make {count} prompts; a batch has at most {most}.'],
  not_of_items: ['is not for an item of a batch'],
  empty: ['must not be empty', 'Too small: expected string to have >=1 characters'],
  missing: ['Invalid input: expected {expected}, received undefined'],
  not_a_whole_number: ['Invalid input: expected int, received {received}'],
  not_a_number: ['Invalid input: expected number, received {received}'],
  not_a_text: ['Invalid input: expected string, received {received}'],
  wrong_kind: ['Invalid input: expected {expected}, received {received}'],
  too_large: ['Too big: expected {what} to be <={most}'],
  too_small: ['Too small: expected {what} to be >={least}'],
  not_below: ['Too big: expected {what} to be <{most}'],
  not_above: ['Too small: expected {what} to be >{least}'],
  too_many: ['Too big: expected array to have <={most} items'],
  too_few: ['Too small: expected array to have >={least} items'],
  too_short: ['Too small: expected string to have >={least} characters'],
  not_a_multiple: ['Invalid number: must be a multiple of {multiple}'],
  not_an_option: ['Invalid option: expected one of {options}', 'Invalid input: expected {options}'],
  address_form: ['Invalid URL'],
  email_form: ['Invalid email address'],
  time_form: ['Invalid ISO datetime'],
  form: ['Invalid input', 'Invalid key in record', 'Invalid string: must match pattern {pattern}'],
  unknown_field: ['Unrecognized key: {names}', 'Unrecognized keys: {names}'],
  not_known_here: ['is not known here'],
  id_form: ['must be an id that starts with "{prefix}"'],
  picture_id_form: ['This is not the id of a picture.'],
  cursor_form: ['This is not a cursor that a list gave.'],
  digits_form: ['must be 64 hexadecimal digits'],
  statuses_form: ['must be one or more of {options}, with commas between'],
  resolution_form: ['must be 1k, 2k or 4k'],
  too_many_decimals: ['must have at most six decimals'],
  number_form: ['must be a number with at most six decimals'],
  credits_form: ['must be a number of credits: not negative, at most six decimals'],
  too_many_credits: ['must be at most {most} credits'],
  over_budget: [
    'the task costs {cost} credits, which is more than that',
    'the batch costs {cost} credits, which is more than that',
  ],
  key_form: ['must have 1 to {most} characters'],
  one_source: ['give exactly one of items, lines, csv, jsonl, file and matrix'],
  tag_of_actions: ['belongs to the actions tag and untag, which need it'],
  too_many_headers: ['at most {most} headers'],
  size_form: ['must look like 1024x768'],
  ratio_form: ['must look like 16:9', 'must be two numbers above 0, such as 16:9'],
  size_and_ratio: ['give size or aspect_ratio, not both'],
  side_out_of_range: ['each side must be {least} to {most} pixels for this model'],
  side_not_multiple: ['each side must be a multiple of {multiple} for this model'],
  too_many_pixels: ['at most {most} pixels in all for this model'],
  no_such_model_there: ['There is no model "{model}" at the provider "{provider}". There are: {known}.'],
  no_such_model: ['There is no model "{model}". There are: {known}.'],
  no_such_style_here: ['there is no such style; see GET /v1/styles'],
  no_such_style: ['there is no style "{style}"; see GET /v1/styles'],
  no_such_picture: ['There is no such picture or upload.'],
  style_not_taken: ['upscale takes no style'],
  mode_not_done: ['the model "{model}" does not do {mode}'],
  pictures_not_taken: ['text-to-image takes no pictures; use image-to-image'],
  picture_missing: ['{mode} needs at least one picture', 'a mask needs a picture'],
  too_many_inputs: ['the model "{model}" takes at most {most} pictures'],
  too_many_at_once: ['the model "{model}" paints at most {most} at once'],
  mask_not_taken: ['the model "{model}" takes no mask'],
  strength_not_taken: ['the model "{model}" has no strength'],
  negative_not_taken: ['the model "{model}" takes no negative prompt'],
  upload_first: ['must be uploaded first; name them by upload_id'],
} as const satisfies Record<string, readonly string[]>;

type KnownReason = keyof typeof SENTENCES;

/** `other`: only the English sentence says it. */
export const FIELD_REASONS = [
  ...(Object.keys(SENTENCES) as [KnownReason, ...KnownReason[]]),
  'other',
] as const;
export type FieldReason = (typeof FIELD_REASONS)[number];

/** Values are parts of what a caller sent: longer ones are of no use to a reader. */
const MAX_VALUE_CHARS = 200;

/** zod writes alternatives as `"a"|"b"`. */
const asList = (value: string) =>
  /^"[^"]*"(\|"[^"]*")*$/.test(value) ? value.slice(1, -1).replaceAll('"|"', ', ') : value;

const PATTERNS = (Object.entries(SENTENCES) as [KnownReason, readonly string[]][]).flatMap(
  ([code, sentences]) => sentences.map((sentence) => ({ code, pattern: patternOf(sentence) })),
);

/** The code and values of what was said about a field. */
export function reasonOf(detail: string): { code: FieldReason; params: Record<string, string> } {
  for (const { code, pattern } of PATTERNS) {
    const match = pattern.exec(detail);
    if (!match) continue;
    const values = Object.entries(match.groups ?? {});
    const params = values.map(([name, value]) => [name, asList(value).slice(0, MAX_VALUE_CHARS)]);
    return { code, params: Object.fromEntries(params) };
  }
  return { code: 'other', params: {} };
}

/** What was said about a field, in plain words; a sentence that is not known stays as it is, in English. */
export function fieldReason(detail: string, language: Language): string {
  const { code, params } = reasonOf(detail);
  if (code === 'other') return detail;
  const text = (language === 'zh' ? fieldReasonsZh : fieldReasonsEn)[`field.${code}`];
  return fillIn(text, params);
}
