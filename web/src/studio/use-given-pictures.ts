// What happens with pictures that are dropped or pasted: they fill the slot, whatever form they come in, and a picture that was
// downloaded from here offers the settings it was made with.
import { useQueryClient } from '@tanstack/react-query';
import { useCallback } from 'react';
import { problemOf } from '../api/problem.ts';
import { useText } from '../ui/language.ts';
import { describeProblem } from '../ui/ProblemNote.tsx';
import { showToast } from '../ui/toast.tsx';
import { downloadedImage, type Given, inputOfImage } from './given-pictures.ts';
import { draftFromTask } from './model.ts';
import { modelsQuery } from './queries.ts';
import { useStudio } from './studio-context.ts';

/** Returns a function that puts what was given into the slot. */
export function useGivenPictures(): (given: Given) => void {
  const text = useText();
  const client = useQueryClient();
  const { inputs, draft, takeOver } = useStudio();

  const offerSettings = useCallback(
    async (file: File) => {
      const imageId = downloadedImage(file.name);
      // Without its picture (deleted, or another server's) the file is simply a file.
      if (imageId === null) return;
      const { readRepeatable, repeatedOf } = await import('./repeat-picture.ts');
      const image = await readRepeatable(client, imageId).catch(() => null);
      if (!image) return;
      const made = repeatedOf(image);
      const model = client.getQueryData(modelsQuery.queryKey)?.find(({ id }) => id === made.model) ?? null;
      showToast({
        text: text.t('image.own'),
        action: {
          label: text.t('image.own.restore'),
          run: () => takeOver({ ...draftFromTask(draft.get(), made, 'all', model), inputs: [], mask: null }),
        },
      });
    },
    [client, draft, takeOver, text],
  );

  return useCallback(
    (given) => {
      if (given.kind === 'files')
        for (const file of given.files) {
          void inputs.take(file, file.name || text.t('image.pasted'));
          void offerSettings(file);
        }
      else if (given.kind === 'picture') inputs.add(given.input);
      else if (given.kind === 'address')
        inputs.add({
          kind: 'url',
          id: given.url,
          url: '',
          name: new URL(given.url).hostname,
          width: 1,
          height: 1,
        });
      else
        inputOfImage(given.imageId).then(
          (input) => inputs.add(input),
          (error: unknown) =>
            showToast({ text: describeProblem(problemOf(error), text).title, tone: 'alarm' }),
        );
    },
    [inputs, offerSettings, text],
  );
}
