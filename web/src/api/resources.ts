// The shapes of the HTTP contract that the web app reads and writes: types of the server's own contract where it has one.
import type { z } from 'zod';
import type { sessionSchema } from '../../../src/accounts/contract.ts';
import type { balanceSchema } from '../../../src/credits/contract.ts';
import type { ImageDetail, imageSchema, uploadSchema } from '../../../src/media/contract.ts';
import type { styleListSchema } from '../../../src/styles/contract.ts';
import type {
  createTaskBody,
  listPromptsRoute,
  modelSchema,
  quoteTaskRoute,
  taskSchema,
} from '../../../src/tasks/contract.ts';

export type Task = z.output<typeof taskSchema>;
export type TaskImage = Task['images'][number];
export type TaskRequest = z.input<typeof createTaskBody>;
export type Model = z.output<typeof modelSchema>;
export type ModelCapabilities = Model['drawbridge']['capabilities'];

export interface TaskPage {
  data: readonly Task[];
  next_cursor: string | null;
}

export type Image = z.output<typeof imageSchema>;
export type { ImageDetail };
export type Quote = z.output<(typeof quoteTaskRoute)['responses'][200]['schema']>;
export type StyleCategory = z.output<typeof styleListSchema>['categories'][number];
export type Style = StyleCategory['styles'][number];

export type PromptPage = z.output<(typeof listPromptsRoute)['responses'][200]['schema']>;
/** A prompt of the history. */
export type Prompt = PromptPage['data'][number];

export type Upload = z.output<typeof uploadSchema>;
export type Session = z.output<typeof sessionSchema>;
export type CreditBalance = z.output<typeof balanceSchema>;
