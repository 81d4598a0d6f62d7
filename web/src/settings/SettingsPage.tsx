// The settings of this browser: look, ways of working, the server, and what this program is.
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { version } from '../../../package.json';
import { accountTexts } from '../account/account-text.ts';
import { Card, PageBody } from '../account/PageBody.tsx';
import { apiUrl } from '../api/client.ts';
import { useRoomTitle } from '../pages/use-room-title.ts';
import { ChoiceGroup } from '../ui/ChoiceGroup.tsx';
import { enterSubmits, letEnterSubmit } from '../ui/keys.ts';
import { type Language, switchLanguage } from '../ui/language.ts';
import { QrDetails } from '../ui/QrDetails.tsx';
import { allowSingleKeys, useSingleKeysAllowed } from '../ui/shortcuts.ts';
import { switchTheme, useTheme } from '../ui/theme.ts';
import { otherServer } from './api-address.ts';
import { noticeSupport, tellsWhenDone, tellWhenDone } from './done-notice.ts';

const LANGUAGES: readonly Language[] = ['zh', 'en'];
const LANGUAGE_NAMES: Record<Language, string> = { zh: '简体中文', en: 'English' };
const THEMES = ['system', 'light', 'dark'] as const;
/** What is inside the page's own files. */
const PARTS: readonly [name: string, holder: string][] = [
  ['Preact', 'Jason Miller'],
  ['TanStack Router, TanStack Query', 'Tanner Linsley'],
  ['Tailwind CSS', 'Tailwind Labs, Inc.'],
  ['Lean QR', 'David Evans'],
];

interface SwitchProps {
  title: string;
  hint: string;
  isOn: boolean;
  onChange(on: boolean): void;
}

function Switch({ title, hint, isOn, onChange }: SwitchProps) {
  return (
    <label className="flex min-h-11 items-center gap-3">
      <input
        type="checkbox"
        className="size-5 shrink-0"
        checked={isOn}
        onChange={(event) => onChange(event.currentTarget.checked)}
      />
      <span>
        {title}
        <span className="block text-sm text-soft">{hint}</span>
      </span>
    </label>
  );
}

function LookCard() {
  const { t, language } = accountTexts.useText();
  const theme = useTheme();
  return (
    <Card title={t('settings.look')}>
      <ChoiceGroup
        legend={t('account.language')}
        choices={LANGUAGES}
        value={language}
        onChange={(next) => void switchLanguage(next)}
        draw={(choice) => <span lang={choice === 'zh' ? 'zh-CN' : 'en'}>{LANGUAGE_NAMES[choice]}</span>}
        className="grid max-w-md grid-cols-2 gap-2"
      />
      <ChoiceGroup
        legend={t('account.theme')}
        choices={THEMES}
        value={theme}
        onChange={switchTheme}
        draw={(choice) => t(`account.theme.${choice}`)}
        className="grid max-w-md grid-cols-3 gap-2"
      />
    </Card>
  );
}

function WorkCard() {
  const { t } = accountTexts.useText();
  const [enter, setEnter] = useState(enterSubmits());
  const singleKeys = useSingleKeysAllowed();
  const [tells, setTells] = useState(tellsWhenDone());
  const support = noticeSupport();
  return (
    <Card title={t('settings.work')}>
      <Switch
        title={t('keys.enter')}
        hint={t('keys.enter.hint')}
        isOn={enter}
        onChange={(on) => {
          letEnterSubmit(on);
          setEnter(on);
        }}
      />
      <Switch
        title={t('keys.single')}
        hint={t('keys.single.hint')}
        isOn={singleKeys}
        onChange={allowSingleKeys}
      />
      <Switch
        title={t('settings.done')}
        hint={t(support === 'possible' ? 'settings.done.hint' : `settings.done.${support}`)}
        isOn={tells}
        onChange={(on) => void tellWhenDone(on).then(setTells)}
      />
    </Card>
  );
}

function ServerCard() {
  const { t } = accountTexts.useText();
  const other = otherServer();
  return (
    <Card title={t('settings.server')} lead={t(other ? 'settings.server.other' : 'settings.server.own')}>
      {other && <p className="font-medium">{other.url}</p>}
      <Link to="/settings/server" className="button self-start">
        {t(other ? 'settings.server.change' : 'door.server')}
      </Link>
    </Card>
  );
}

/** Whether only this computer reaches the address. */
const isLoopback = (host: string) => /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(host);

function DeviceCard() {
  const { t } = accountTexts.useText();
  const { hostname } = location;
  const isHere = isLoopback(hostname);
  const lead = isHere ? t('settings.device.loopback', { host: hostname }) : t('settings.device.open');
  return (
    <Card title={t('settings.device.other')} lead={lead}>
      {!isHere && (
        <>
          <p className="font-mono text-sm break-all">{document.baseURI}</p>
          <QrDetails url={document.baseURI} />
        </>
      )}
    </Card>
  );
}

function AboutCard() {
  const { t } = accountTexts.useText();
  return (
    <Card title={t('settings.about')} lead={t('settings.about.version', { version })}>
      <div className="-mx-2.5 -my-2 flex flex-wrap">
        <a className="button button-quiet" href={apiUrl('docs')} target="_blank" rel="noreferrer">
          {t('settings.about.docs')}
        </a>
        <a className="button button-quiet" href={apiUrl('openapi.json')} target="_blank" rel="noreferrer">
          {t('settings.about.spec')}
        </a>
      </div>
      <details>
        <summary className="flex min-h-11 items-center text-sm font-medium">
          {t('settings.about.licences')}
        </summary>
        <div className="flex flex-col gap-2 text-sm text-soft">
          <p>{t('settings.about.own')}</p>
          <p>{t('settings.about.parts')}</p>
          <ul className="list-disc pl-5">
            {PARTS.map(([name, holder]) => (
              <li key={name}>
                {name} © {holder}
              </li>
            ))}
          </ul>
        </div>
      </details>
    </Card>
  );
}

export function SettingsPage() {
  const { t } = accountTexts.useText();
  useRoomTitle(t('settings.title'));
  return (
    <PageBody title={t('settings.title')} lead={t('settings.device')}>
      <LookCard />
      <WorkCard />
      <ServerCard />
      <DeviceCard />
      <AboutCard />
    </PageBody>
  );
}
