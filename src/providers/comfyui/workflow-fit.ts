// Whether a server can run a workflow, and with which values: what the request, the settings and the template say, and
// for files that nobody names, one that the servers have. What is missing is named.
import type { GenerationRequest } from '../provider.ts';
import { LackingServerError } from './classify.ts';
import type { ComfyuiSettings } from './comfyui-settings.ts';
import type { ComfyuiModel } from './models.ts';
import type { ComfyuiServer } from './server.ts';
import {
  choicesFor,
  fillTemplate,
  missingFrom,
  type NamedInput,
  type NamedValues,
  nodeClasses,
  ownValue,
  TEMPLATE_NAMES,
  type WorkflowTemplate,
} from './workflow.ts';

const EMPTY_FOLDERS: readonly (readonly [NamedInput, string])[] = [
  ['checkpoint', 'no checkpoint: put one into its folder models/checkpoints'],
  ['upscale_model', 'no upscale model: put one into its folder models/upscale_models'],
];

export interface FitOptions {
  settings: ComfyuiSettings;
  models: readonly ComfyuiModel[];
  servers: readonly ComfyuiServer[];
}

export class WorkflowFit {
  readonly #options: FitOptions;
  readonly #classes: readonly string[];

  constructor(options: FitOptions) {
    this.#options = options;
    const { settings } = options;
    const names = settings.offersUpscale ? TEMPLATE_NAMES : TEMPLATE_NAMES.filter((n) => n !== 'upscale');
    this.#classes = [...new Set(names.flatMap((name) => nodeClasses(settings.templates[name])))];
  }

  /** Asks a server what it has of all that the workflows use. */
  learn(server: ComfyuiServer, step: 'probe' | 'prepare', signal: AbortSignal): Promise<void> {
    return server.learnOffers(this.#classes, step, signal);
  }

  /** The values for a request at a server that has all they need, or the refusal that says what is missing. */
  async checkedValues(
    server: ComfyuiServer,
    template: WorkflowTemplate,
    request: GenerationRequest,
    signal: AbortSignal,
  ): Promise<NamedValues> {
    const model = this.#options.models.find(({ name }) => name === request.model);
    if (server.offers !== null) {
      const { values, problem } = this.#valuesAt(server, template, model, request);
      if (problem === null) return values;
    }
    // What was learnt may be old: somebody may have added the file since.
    await this.learn(server, 'prepare', signal);
    const { values, problem } = this.#valuesAt(server, template, model, request);
    if (problem !== null) throw new LackingServerError('invalid_request', 'no', problem);
    return values;
  }

  #valuesAt(
    server: ComfyuiServer,
    template: WorkflowTemplate,
    model: ComfyuiModel | undefined,
    request: GenerationRequest | null,
  ): { values: NamedValues; problem: string | null } {
    const { settings } = this.#options;
    const values: NamedValues = {
      prompt: request?.prompt ?? null,
      negative: request?.negativePrompt ?? null,
      seed: request?.seed ?? null,
      width: request?.width ?? null,
      height: request?.height ?? null,
      strength: request?.strength ?? null,
      steps: settings.steps,
      cfg: settings.cfg,
      sampler: settings.sampler,
      scheduler: settings.scheduler,
      checkpoint: model?.checkpoint ?? this.#chosen(server, template, 'checkpoint'),
      upscale_model: settings.upscaleModel ?? this.#chosen(server, template, 'upscale_model'),
    };
    const offers = server.offers ?? new Map();
    const nodes = missingFrom(fillTemplate(template, values, 1), offers);
    for (const [named, words] of EMPTY_FOLDERS) {
      const isEmpty = choicesFor(template, named, offers)?.length === 0;
      if (isEmpty) return { values, problem: `${server.label} has ${words}.` };
    }
    const about = `the workflow "${template.name}"`;
    const problem =
      nodes.length > 0 ? `${server.label} does not have ${nodes.join(', ')} for ${about}.` : null;
    return { values, problem };
  }

  /** What the template names itself, else the first file that all servers have, else the first of this one. */
  #chosen(server: ComfyuiServer, template: WorkflowTemplate, named: NamedInput): string | null {
    const own = ownValue(template, named);
    if (own !== null) return own;
    const choices = choicesFor(template, named, server.offers ?? new Map()) ?? [];
    const others = this.#options.servers
      .filter((other) => other !== server && !other.isDraining && other.offers !== null)
      .map((other) => choicesFor(template, named, other.offers ?? new Map()) ?? []);
    return choices.find((choice) => others.every((list) => list.includes(choice))) ?? choices[0] ?? null;
  }

  /** Why no server can run a model, or null when one can. */
  whyNowhere(model: ComfyuiModel, servers: readonly ComfyuiServer[]): string | null {
    const { templates } = this.#options.settings;
    const problems = servers.map((server) => {
      const byMode = model.capabilities.modes.map(
        (mode) => this.#valuesAt(server, templates[mode], model, null).problem,
      );
      return byMode.find((problem) => problem !== null) ?? null;
    });
    return problems.includes(null) ? null : (problems[0] ?? null);
  }
}
