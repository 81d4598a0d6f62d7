// Before the first picture: a sentence, and four prompts that fill the box with one click.
import type { WebMessageKey } from '../../../src/kernel/messages/web-en.ts';
import { Bridge } from '../ui/Bridge.tsx';
import { useText } from '../ui/language.ts';
import { AspectShape } from './AspectShape.tsx';
import { useStudio } from './studio-context.ts';

const EXAMPLES = [
  { title: 'empty.lighthouse', prompt: 'empty.lighthouse.prompt', aspectRatio: '3:2' },
  { title: 'empty.teahouse', prompt: 'empty.teahouse.prompt', aspectRatio: '3:4' },
  { title: 'empty.fox', prompt: 'empty.fox.prompt', aspectRatio: '1:1' },
  { title: 'empty.bridge', prompt: 'empty.bridge.prompt', aspectRatio: '16:9' },
] as const satisfies readonly { title: WebMessageKey; prompt: WebMessageKey; aspectRatio: string }[];

export function EmptyState() {
  const { t } = useText();
  const { draft } = useStudio();
  return (
    <div className="mx-auto flex max-w-3xl flex-col gap-8 py-4 lg:py-[8dvh]">
      <div className="flex flex-col gap-3">
        <Bridge progress={0.25} className="-ml-1 w-32" />
        <h2 className="text-3xl font-semibold tracking-tight text-balance">{t('empty.title')}</h2>
        <p className="text-lg text-soft">{t('empty.lead')}</p>
      </div>
      <ul className="grid gap-3 sm:grid-cols-2">
        {EXAMPLES.map((example) => (
          <li key={example.title} className="flex">
            <button
              type="button"
              className="sheet flex w-full items-start gap-4 p-4 text-left transition-colors hover:border-edge"
              onClick={() => {
                draft.update({ prompt: t(example.prompt), aspectRatio: example.aspectRatio });
                document.querySelector<HTMLElement>('form [type=submit]')?.focus();
              }}
            >
              <AspectShape ratio={example.aspectRatio} />
              <span>
                <span className="block text-base font-semibold">{t(example.title)}</span>
                <span className="text-soft">{t(example.prompt)}</span>
              </span>
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}
