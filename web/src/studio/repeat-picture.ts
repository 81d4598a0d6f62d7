// What made a picture, read from the server, so that it can be repeated: also for pictures that no loaded list has. Of an HD
// picture it is what made the picture under it, since enlarging has nothing to repeat.
import type { QueryClient } from '@tanstack/react-query';
import { problemOf } from '../api/problem.ts';
import type { ImageDetail } from '../api/resources.ts';
import { imageQuery } from '../lightbox/image-query.ts';
import type { RepeatedTask } from './model.ts';

/** A request as far as it can be repeated, with the seed that this picture was made with. */
export interface RepeatedPicture extends RepeatedTask {
  model: string;
}

/** Without its request, as with imported pictures, what the picture itself says is repeated. */
export function repeatedOf(image: ImageDetail): RepeatedPicture {
  const { making } = image;
  const style = making ? making.style : image.style;
  return {
    prompt: making?.prompt ?? image.prompt,
    model: making?.model ?? image.model,
    style: style && { id: style.id, names: style.names },
    n: making?.n ?? 1,
    params: {
      size: making?.size ?? `${image.width}x${image.height}`,
      negative_prompt: making?.negative_prompt ?? null,
      seed: image.seed ?? making?.seed ?? null,
      strength: making?.strength ?? null,
    },
    images: [{ width: image.width, height: image.height }],
  };
}

/** The picture that says how to repeat this one. Throws ApiError when this one is gone; what is under it may be. */
export async function readRepeatable(client: QueryClient, imageId: string): Promise<ImageDetail> {
  const image = await client.fetchQuery(imageQuery(imageId));
  if (image.kind !== 'hd' || image.parent_id === null) return image;
  return client.fetchQuery(imageQuery(image.parent_id)).catch((error: unknown) => {
    if (problemOf(error).status === 404) return image;
    throw error;
  });
}
