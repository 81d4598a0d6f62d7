// Asks whoever came by the set-up link to choose a user name and a password. It stands above the page and can be put off:
// the first picture is not held up by it.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useCallback, useRef, useState } from 'react';
import { Dialog } from '../ui/Dialog.tsx';
import { showToast } from '../ui/toast.tsx';
import { accountTexts } from './account-text.ts';
import { askForLogin } from './ask-for-login.ts';
import { PersonForm } from './PersonForm.tsx';
import { becomePerson } from './profile-api.ts';
import { sessionQuery } from './queries.ts';
import { signInOptionsQuery } from './sign-in-api.ts';

function ChooseDialog({ onClose }: { onClose(): void }) {
  const { t } = accountTexts.useText();
  const client = useQueryClient();
  const { data: options } = useQuery(signInOptionsQuery);
  return (
    <Dialog title={t('ask.title')} onClose={onClose}>
      <PersonForm
        minChars={options?.password_min_chars}
        submitLabel={t('ask.save')}
        onSubmit={async (person) => {
          await becomePerson(client, person);
          askForLogin(false);
          showToast({ text: t('ask.saved', { username: person.username }) });
        }}
      />
    </Dialog>
  );
}

/** Tells the page how high an element is, as a variable of its style sheets, for as long as the element is there. */
function useHeightAs(variable: string) {
  const watcher = useRef<ResizeObserver | null>(null);
  return useCallback(
    (element: HTMLElement | null) => {
      const { style } = document.documentElement;
      watcher.current?.disconnect();
      if (!element) {
        style.removeProperty(variable);
        return;
      }
      watcher.current = new ResizeObserver(() => style.setProperty(variable, `${element.offsetHeight}px`));
      watcher.current.observe(element);
    },
    [variable],
  );
}

export function AskForLogin() {
  const { t } = accountTexts.useText();
  const { data: session } = useQuery(sessionQuery);
  const [isOpen, setOpen] = useState(false);
  const notice = useHeightAs('--notice');
  if (!session || session.user !== null) return null;
  return (
    <section ref={notice} aria-label={t('ask.title')} className="border-b border-line bg-glow px-4 py-3">
      <div className="mx-auto flex max-w-5xl flex-wrap items-center gap-x-4 gap-y-2">
        <p className="min-w-60 flex-1 text-sm">
          <strong className="font-semibold">{t('ask.title')}</strong> {t('ask.lead')}
        </p>
        <div className="flex gap-2">
          <button type="button" className="button" onClick={() => setOpen(true)}>
            {t('ask.choose')}
          </button>
          <button type="button" className="button button-quiet" onClick={() => askForLogin(false)}>
            {t('ask.later')}
          </button>
        </div>
      </div>
      {isOpen && <ChooseDialog onClose={() => setOpen(false)} />}
    </section>
  );
}
