// Workflow templates: a graph in ComfyUI's API format and the places in it that named inputs go to. A filled graph holds
// every picture of a job as its own copy of all that depends on the seed, so that picture i is made again by `seed + i`.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const TEMPLATE_NAMES = ['text-to-image', 'image-to-image', 'inpaint', 'upscale'] as const;
export type TemplateName = (typeof TEMPLATE_NAMES)[number];

/** A node that sends its pictures over the WebSocket and saves none. */
const SOCKET_OUTPUT_CLASS = 'SaveImageWebsocket';

/** What a template may take from a request or from the settings. */
export const NAMED_INPUTS = [
  'prompt',
  'negative',
  'seed',
  'width',
  'height',
  'steps',
  'cfg',
  'sampler',
  'scheduler',
  'strength',
  'image',
  'mask',
  'checkpoint',
  'upscale_model',
  'file_prefix',
] as const;
export type NamedInput = (typeof NAMED_INPUTS)[number];

/** A template without one of these could not do what it is for. */
const REQUIRED_INPUTS: Record<TemplateName, readonly NamedInput[]> = {
  'text-to-image': ['prompt'],
  'image-to-image': ['prompt', 'image'],
  inpaint: ['prompt', 'image', 'mask'],
  upscale: ['image'],
};

type Link = readonly [node: string, output: number];
export type InputValue = string | number | boolean | null | Link | readonly unknown[] | object;

export interface GraphNode {
  class_type: string;
  inputs: Readonly<Record<string, InputValue>>;
}

export type Graph = Readonly<Record<string, GraphNode>>;

interface Place {
  node: string;
  input: string;
}

export interface WorkflowTemplate {
  name: TemplateName;
  graph: Graph;
  /** Where each named input goes; one may go to several places, or nowhere. */
  places: ReadonlyMap<NamedInput, readonly Place[]>;
}

/** A template that cannot be used, in words for the operator. */
export class TemplateError extends Error {}

/** The id that a copy of a node has for picture `index`; the first picture keeps the template's ids. */
const copyId = (id: string, index: number) => (index === 0 ? id : `${id}_p${index}`);
const COPY_ID = /_p(\d+)$/;

/** Which picture of the job a node of a filled graph makes. */
export function pictureIndexOf(nodeId: string): number {
  return Number(COPY_ID.exec(nodeId)?.[1] ?? 0);
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function parseGraph(raw: unknown, about: string): Graph {
  if (!isRecord(raw) || Object.keys(raw).length === 0) throw new TemplateError(`${about} has no "graph".`);
  if (Array.isArray(raw.nodes)) {
    throw new TemplateError(`${about} is in the format of ComfyUI's editor; export it with "Export (API)".`);
  }
  for (const [id, node] of Object.entries(raw)) {
    if (!isRecord(node) || typeof node.class_type !== 'string' || !isRecord(node.inputs)) {
      throw new TemplateError(`${about}: node "${id}" has no "class_type" or no "inputs".`);
    }
    if (COPY_ID.test(id))
      throw new TemplateError(`${about}: node id "${id}" must not end in _p and a number.`);
  }
  return raw as unknown as Graph;
}

/** A template from its JSON: `{graph, inputs: {prompt: ["6.text"], …}}`. Throws `TemplateError`. */
export function parseTemplate(name: TemplateName, text: string): WorkflowTemplate {
  const about = `The workflow "${name}"`;
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch {
    throw new TemplateError(`${about} is not JSON.`);
  }
  if (!isRecord(raw)) throw new TemplateError(`${about} is not an object.`);
  const graph = parseGraph(raw.graph, about);
  const inputs = isRecord(raw.inputs) ? raw.inputs : {};
  const places = new Map<NamedInput, readonly Place[]>();
  for (const [named, targets] of Object.entries(inputs)) {
    if (!NAMED_INPUTS.includes(named as NamedInput)) {
      throw new TemplateError(`${about} maps "${named}", which is not one of ${NAMED_INPUTS.join(', ')}.`);
    }
    const list = Array.isArray(targets) ? targets : [targets];
    places.set(
      named as NamedInput,
      list.map((target) => parsePlace(target, graph, about)),
    );
  }
  const missing = REQUIRED_INPUTS[name].filter((input) => !places.has(input));
  if (missing.length > 0)
    throw new TemplateError(`${about} does not say where "${missing.join('", "')}" goes.`);
  return { name, graph, places };
}

function parsePlace(target: unknown, graph: Graph, about: string): Place {
  const [, node = '', input = ''] = /^(.+?)\.(.+)$/.exec(String(target)) ?? [];
  if (!graph[node])
    throw new TemplateError(`${about}: "${String(target)}" names no node; it must be "node.input".`);
  return { node, input };
}

/** The shipped template of a name, or the operator's own from `directory` where that has a file of the name. */
export function loadTemplate(name: TemplateName, directory: string | null): WorkflowTemplate {
  const own = directory === null ? null : readIfThere(join(directory, `${name}.json`));
  const shipped = () =>
    readFileSync(fileURLToPath(new URL(`./templates/${name}.json`, import.meta.url)), 'utf8');
  return parseTemplate(name, own ?? shipped());
}

function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new TemplateError(`The workflow file ${path} cannot be read.`);
  }
}

const isLink = (value: unknown): value is Link =>
  Array.isArray(value) && value.length === 2 && typeof value[0] === 'string' && typeof value[1] === 'number';

/** The nodes whose work depends on the given ones, these included. */
function downstream(graph: Graph, from: readonly string[]): ReadonlySet<string> {
  const found = new Set(from);
  for (let before = -1; before !== found.size; ) {
    before = found.size;
    for (const [id, node] of Object.entries(graph)) {
      if (Object.values(node.inputs).some((value) => isLink(value) && found.has(value[0]))) found.add(id);
    }
  }
  return found;
}

export type NamedValues = Partial<Record<NamedInput, string | number | null>>;

/** The graph for one job of `n` pictures; a value that is missing or null leaves what the template has. */
export function fillTemplate(template: WorkflowTemplate, values: NamedValues, n: number): Graph {
  const seeded = downstream(
    template.graph,
    (template.places.get('seed') ?? []).map(({ node }) => node),
  );
  const filled: Record<string, GraphNode> = {};
  for (let index = 0; index < n; index += 1) {
    for (const [id, node] of Object.entries(template.graph)) {
      if (index > 0 && !seeded.has(id)) continue;
      const inputs = Object.fromEntries(
        Object.entries(node.inputs).map(([input, value]) => [
          input,
          isLink(value) && seeded.has(value[0]) ? [copyId(value[0], index), value[1]] : value,
        ]),
      );
      filled[copyId(id, index)] = { ...node, inputs };
    }
    place(filled, template, values, index);
  }
  return filled;
}

function place(
  filled: Record<string, GraphNode>,
  template: WorkflowTemplate,
  values: NamedValues,
  index: number,
): void {
  for (const [named, places] of template.places) {
    const value = values[named];
    if (value === undefined || value === null) continue;
    const own = named === 'seed' ? Number(value) + index : value;
    for (const { node, input } of places) {
      const id = copyId(node, index);
      const target = filled[id];
      if (target) filled[id] = { ...target, inputs: { ...target.inputs, [input]: own } };
    }
  }
}

/** The nodes of a graph whose pictures come over the WebSocket alone. */
export function socketOutputNodes(graph: Graph): string[] {
  return Object.keys(graph).filter((id) => graph[id]?.class_type === SOCKET_OUTPUT_CLASS);
}

/** The graph that a server repeats, as far as it is one. */
export function readGraph(raw: unknown): Graph {
  const nodes: Record<string, GraphNode> = {};
  for (const [id, node] of Object.entries(isRecord(raw) ? raw : {})) {
    if (!isRecord(node) || typeof node.class_type !== 'string') continue;
    const inputs = isRecord(node.inputs) ? (node.inputs as GraphNode['inputs']) : {};
    nodes[id] = { class_type: node.class_type, inputs };
  }
  return nodes;
}

/** What a server says about one kind of node: for each input with a fixed choice, what may be chosen. */
export interface NodeOffer {
  choices: ReadonlyMap<string, readonly string[]>;
}

/** What a server offers, by kind of node; null where it does not have that kind. */
export type Offers = ReadonlyMap<string, NodeOffer | null>;

/** Reads one class of GET /object_info; both forms of a choice, `[[…], {}]` and `["COMBO", {options}]`. */
export function parseOffer(raw: unknown): NodeOffer | null {
  if (!isRecord(raw) || !isRecord(raw.input)) return null;
  const choices = new Map<string, readonly string[]>();
  for (const group of [raw.input.required, raw.input.optional]) {
    if (!isRecord(group)) continue;
    for (const [input, description] of Object.entries(group)) {
      if (!Array.isArray(description)) continue;
      const [first, rest]: unknown[] = description;
      const extra = isRecord(rest) ? rest : {};
      // The list of pictures leaves out those in sub-folders, which are accepted all the same.
      if (extra.image_upload === true) continue;
      const options = Array.isArray(first) ? first : first === 'COMBO' ? extra.options : null;
      if (Array.isArray(options)) choices.set(input, options.map(String));
    }
  }
  return { choices };
}

/** The kinds of node that a template uses. */
export function nodeClasses(template: WorkflowTemplate): string[] {
  return [...new Set(Object.values(template.graph).map((node) => node.class_type))];
}

/** What the server may choose from for a named input, or null when the template does not ask or nothing is known. */
export function choicesFor(
  template: WorkflowTemplate,
  named: NamedInput,
  offers: Offers,
): readonly string[] | null {
  const [first] = template.places.get(named) ?? [];
  if (!first) return null;
  const offer = offers.get(template.graph[first.node]?.class_type ?? '');
  return offer?.choices.get(first.input) ?? null;
}

/** The template's own value for a named input, or null. */
export function ownValue(template: WorkflowTemplate, named: NamedInput): string | null {
  const [first] = template.places.get(named) ?? [];
  const value = first && template.graph[first.node]?.inputs[first.input];
  return typeof value === 'string' && value !== '' ? value : null;
}

const KINDS_OF_FILE: Readonly<Record<string, string>> = {
  ckpt_name: 'checkpoint',
  vae_name: 'VAE',
  lora_name: 'LoRA',
  unet_name: 'diffusion model',
  clip_name: 'text encoder',
  control_net_name: 'ControlNet',
};

/** How a file or choice of a node is called in messages. */
export function describeChoice(classType: string, input: string, value: string): string {
  const kind =
    classType === 'UpscaleModelLoader' && input === 'model_name' ? 'upscale model' : KINDS_OF_FILE[input];
  return kind ? `the ${kind} "${value}"` : `"${value}" as ${input} of the node "${classType}"`;
}

/** What the graph needs and the server does not have, each in a few words; empty when all is there. */
export function missingFrom(graph: Graph, offers: Offers): string[] {
  const missing = new Set<string>();
  for (const { class_type: classType, inputs } of Object.values(graph)) {
    const offer = offers.get(classType);
    if (offer === null) missing.add(`the node "${classType}"`);
    if (!offer) continue;
    for (const [input, choices] of offer.choices) {
      const value = inputs[input];
      if (typeof value === 'string' && !choices.includes(value)) {
        missing.add(describeChoice(classType, input, value));
      }
    }
  }
  return [...missing];
}
