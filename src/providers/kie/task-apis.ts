// The APIs of KIE AI in which a picture is a task: the unified jobs API, and the older ones of Flux Kontext and GPT-4o
// Image. They differ in paths, in how a request is worded, and in how a task's state is told; all take `callBackUrl`.

import { pictureUrl } from '../adapter/read-answer.ts';
import type { GenerationRequest, Output } from '../provider.ts';
import { type Fields, fieldsOf, progressOf, type TaskState, textOf } from './answers.ts';
import { type KieApi, type KieModel, nearestRatio, stepFor } from './models.ts';

export interface TaskApi {
  createPath: string;
  /** Followed by the task's id. */
  recordPath: string;
  /** Gives another address for a result whose own has expired. */
  linkPath: string;
  toLinkBody(taskId: string, url: string): Fields;
  toBody(model: KieModel, request: GenerationRequest, imageUrls: readonly string[]): Fields;
  /** Whether the data of an answer tell a state at all. */
  tells(data: Fields): boolean;
  read(task: Fields): TaskState;
}

const COMMON_LINK_PATH = '/api/v1/common/download-url';
const RUNNING_STATES = new Set(['waiting', 'queuing', 'generating']);

const JOBS: TaskApi = {
  createPath: '/api/v1/jobs/createTask',
  recordPath: '/api/v1/jobs/recordInfo?taskId=',
  linkPath: COMMON_LINK_PATH,
  toLinkBody: (_taskId, url) => ({ url }),
  toBody(model, request, imageUrls) {
    const { ratio, resolution, images, fixed } = model;
    return {
      model: imageUrls.length > 0 ? model.editName : model.name,
      input: {
        prompt: request.prompt,
        [ratio.field]: nearestRatio(ratio.values, request),
        ...(resolution ? { [resolution.field]: stepFor(resolution.steps, request) } : {}),
        ...(imageUrls.length > 0 ? { [images.field]: imageUrls } : {}),
        ...fixed,
      },
    };
  },
  tells: ({ state }) => typeof state === 'string',
  read(task) {
    const state = textOf(task.state).toLowerCase();
    if (RUNNING_STATES.has(state)) return { state: 'running', progress: progressOf(task.progress) };
    if (state === 'fail')
      return { state: 'failed', code: textOf(task.failCode), message: textOf(task.failMsg) };
    if (state !== 'success') return { state: 'strange', word: state };
    const { resultUrls } = fieldsOf(parsed(task.resultJson));
    if (!Array.isArray(resultUrls)) return { state: 'incomplete' };
    const outputs = resultUrls.flatMap(outputOf);
    return resultUrls.length > 0 && outputs.length === 0
      ? { state: 'incomplete' }
      : { state: 'done', outputs };
  },
};

const FLUX_KONTEXT: TaskApi = {
  createPath: '/api/v1/flux/kontext/generate',
  recordPath: '/api/v1/flux/kontext/record-info?taskId=',
  linkPath: COMMON_LINK_PATH,
  toLinkBody: (_taskId, url) => ({ url }),
  toBody(model, request, imageUrls) {
    const { ratio, images, fixed } = model;
    return {
      model: model.name,
      prompt: request.prompt,
      [ratio.field]: nearestRatio(ratio.values, request),
      ...(imageUrls.length > 0 ? { [images.field]: imageUrls[0] } : {}),
      ...fixed,
    };
  },
  tells: ({ successFlag }) => typeof successFlag === 'number',
  read(task) {
    const flag = Number(textOf(task.successFlag) || Number.NaN);
    if (flag === 0) return { state: 'running', progress: progressOf(task.progress) };
    if (flag === 2 || flag === 3) {
      return { state: 'failed', code: textOf(task.errorCode), message: textOf(task.errorMessage) };
    }
    // 4 is said to mean a picture whose callback was not delivered; a picture is what counts.
    const outputs = outputOf(fieldsOf(task.response).resultImageUrl);
    if (outputs.length > 0 && (flag === 1 || flag === 4)) return { state: 'done', outputs };
    return flag === 1 ? { state: 'incomplete' } : { state: 'strange', word: textOf(task.successFlag) };
  },
};

const GPT4O_IMAGE: TaskApi = {
  createPath: '/api/v1/gpt4o-image/generate',
  recordPath: '/api/v1/gpt4o-image/record-info?taskId=',
  linkPath: '/api/v1/gpt4o-image/download-url',
  toLinkBody: (taskId, url) => ({ taskId, url }),
  toBody(model, request, imageUrls) {
    const { ratio, images, variants, fixed } = model;
    return {
      prompt: request.prompt,
      [ratio.field]: nearestRatio(ratio.values, request),
      ...(imageUrls.length > 0 ? { [images.field]: imageUrls } : {}),
      ...(variants ? { [variants.field]: request.n } : {}),
      ...fixed,
    };
  },
  tells: ({ successFlag, status }) => typeof successFlag === 'number' || typeof status === 'string',
  read(task) {
    const flag = textOf(task.successFlag);
    const status = textOf(task.status).toUpperCase();
    if (flag === '2' || status.endsWith('FAILED')) {
      return { state: 'failed', code: textOf(task.errorCode), message: textOf(task.errorMessage) };
    }
    if (flag === '1' || status === 'SUCCESS') {
      const response = fieldsOf(task.response);
      const urls = response.resultUrls ?? response.result_urls;
      const outputs = Array.isArray(urls) ? urls.flatMap(outputOf) : [];
      return outputs.length > 0 ? { state: 'done', outputs } : { state: 'incomplete' };
    }
    if (flag === '0' || status === 'GENERATING') {
      return { state: 'running', progress: progressOf(task.progress) };
    }
    return { state: 'strange', word: status || flag };
  },
};

const APIS: Record<KieApi, TaskApi> = {
  jobs: JOBS,
  'flux-kontext': FLUX_KONTEXT,
  'gpt4o-image': GPT4O_IMAGE,
};

export function apiOf(model: KieModel | undefined): TaskApi {
  return APIS[model?.api ?? 'jobs'];
}

function outputOf(url: unknown): Output[] {
  const checked = pictureUrl(url);
  return checked === null ? [] : [{ url: checked, seed: null }];
}

/** The result is JSON inside a string, empty or half written until the task is done. */
function parsed(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  try {
    return JSON.parse(value);
  } catch {
    return null;
  }
}
