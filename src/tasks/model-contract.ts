// Models on the wire: OpenAI's list, with what each model can do.
import { z } from 'zod';
import { defineRoute } from '../kernel/route.ts';
import { modeSchema } from './task-schemas.ts';

const capabilitiesSchema = z
  .object({
    modes: z.array(modeSchema),
    sizes: z.object({ min_side: z.int(), max_side: z.int(), max_pixels: z.int(), multiple: z.int() }),
    aspect_ratios: z.array(z.string()),
    max_images: z.int(),
    max_input_images: z.int(),
    negative_prompt: z.boolean(),
    seed: z.boolean(),
    mask: z.boolean(),
    strength: z.boolean(),
    cancel: z.boolean(),
    progress: z.boolean(),
  })
  .meta({ id: 'Capabilities' });

export const modelSchema = z
  .object({
    id: z.string(),
    object: z.literal('model'),
    created: z.int(),
    owned_by: z.string(),
    drawbridge: z.object({
      title: z.object({ en: z.string(), zh: z.string() }),
      provider: z.string(),
      provider_state: z.enum(['healthy', 'degraded', 'down']),
      provider_reason: z.string().nullable().describe('Why it is not healthy, in plain words.'),
      providers: z
        .array(z.object({ name: z.string(), state: z.enum(['healthy', 'degraded', 'down']) }))
        .describe('All that serve the model, in their order.'),
      is_default: z.boolean(),
      price_credits: z.number(),
      typical_seconds: z.number().describe('As its maker says.'),
      median_seconds: z
        .number()
        .nullable()
        .describe('Of the last hour, once started; null when none was made.'),
      queue_ahead: z.int().describe('Tasks that wait or run at the provider.'),
      capabilities: capabilitiesSchema,
      input_schema: z
        .record(z.string(), z.unknown())
        .describe('JSON Schema of the fields of `POST /v1/tasks` that this model takes; others are absent.'),
    }),
  })
  .meta({ id: 'Model' });

export const listModelsRoute = defineRoute({
  id: 'models.list',
  method: 'GET',
  path: '/v1/models',
  tag: 'Models',
  summary: 'Models and what each can do',
  description: "OpenAI's list, with what the studio needs to draw its form in `drawbridge`.",
  access: { kind: 'scope', scope: 'tasks:read' },
  limit: 'api',
  responses: {
    200: {
      description: 'All models.',
      schema: z.object({ object: z.literal('list'), data: z.array(modelSchema) }).meta({ id: 'ModelList' }),
    },
  },
  errors: [],
  errorStyle: 'openai',
});
