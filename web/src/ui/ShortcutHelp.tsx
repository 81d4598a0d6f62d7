// The help behind `?`: every shortcut that works on this screen, straight from the registry.

import { useState } from 'react';
import { Dialog } from './Dialog.tsx';
import { enterSubmits, isAppleDevice, letEnterSubmit } from './keys.ts';
import { useText } from './language.ts';
import { keyCaps } from './shortcut-keys.ts';
import { activeGroups, allowSingleKeys, type ShortcutGroup, useSingleKeysAllowed } from './shortcuts.ts';

function Group({ group }: { group: ShortcutGroup }) {
  const isApple = isAppleDevice();
  return (
    <section>
      <h3 className="eyebrow mb-1">{group.title}</h3>
      <dl className="grid grid-cols-[1fr_auto] items-center gap-x-6">
        {group.shortcuts.map(({ keys, label }) => (
          <div key={keys} className="col-span-2 grid grid-cols-subgrid border-b border-line py-2">
            <dt>{label}</dt>
            <dd className="flex gap-1">
              {keyCaps(keys, isApple).map((cap) => (
                <kbd key={cap} className="keycap">
                  {cap}
                </kbd>
              ))}
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

function Choice(props: { title: string; hint: string; checked: boolean; onChange(on: boolean): void }) {
  return (
    <label className="flex min-h-11 items-center gap-3">
      <input
        type="checkbox"
        className="size-5 shrink-0"
        checked={props.checked}
        onChange={(event) => props.onChange(event.currentTarget.checked)}
      />
      <span>
        {props.title}
        <span className="block text-sm text-soft">{props.hint}</span>
      </span>
    </label>
  );
}

export function ShortcutHelp({ onClose }: { onClose(): void }) {
  const { t } = useText();
  const allowed = useSingleKeysAllowed();
  const [enter, setEnter] = useState(enterSubmits());
  return (
    <Dialog title={t('keys.title')} onClose={onClose}>
      {activeGroups()
        .filter(({ shortcuts }) => shortcuts.length > 0)
        .map((group) => (
          <Group key={group.title} group={group} />
        ))}
      <Choice
        title={t('keys.single')}
        hint={t('keys.single.hint')}
        checked={allowed}
        onChange={allowSingleKeys}
      />
      <Choice
        title={t('keys.enter')}
        hint={t('keys.enter.hint')}
        checked={enter}
        onChange={(on) => {
          letEnterSubmit(on);
          setEnter(on);
        }}
      />
    </Dialog>
  );
}
