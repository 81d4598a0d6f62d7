// The settings of this browser: look, ways of working, the server, and what this program is.
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { version } from '../../../package.json';
import type { AddressesBody } from '../../../src/operations/contract.ts';
import { accountTexts } from '../account/account-text.ts';
import { Card, PageBody } from '../account/PageBody.tsx';
import { sessionQuery } from '../account/queries.ts';
import { apiUrl, call } from '../api/client.ts';
import { useRoomTitle } from '../pages/use-room-title.ts';
import { enterSubmits, letEnterSubmit } from '../ui/keys.ts';
import { LookChoices } from '../ui/LookChoices.tsx';
import { QrDetails } from '../ui/QrDetails.tsx';
import { allowSingleKeys, useSingleKeysAllowed } from '../ui/shortcuts.ts';
import { otherServer } from './api-address.ts';
import { noticeSupport, tellsWhenDone, tellWhenDone } from './done-notice.ts';

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
  const { t } = accountTexts.useText();
  return (
    <Card title={t('settings.look')}>
      <LookChoices width="max-w-md" />
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

/** Where other devices find the server that this page came from: what the page's own address does not say, administrators are told. */
function useAddresses(isHere: boolean): AddressesBody | null {
  const { data: session } = useQuery(sessionQuery);
  const isTold = isHere && otherServer() === null && session?.scopes.includes('admin') === true;
  const { data } = useQuery({
    queryKey: ['addresses'],
    queryFn: ({ signal }) => call<AddressesBody>('GET', 'v1/admin/addresses', { signal }),
    enabled: isTold,
  });
  if (!isHere) return { reach: 'network', urls: [document.baseURI] };
  return (isTold && data) || null;
}

type Text = ReturnType<typeof accountTexts.useText>;

function deviceLead({ t }: Text, isHere: boolean, addresses: AddressesBody | null): string {
  const { hostname: host, port } = location;
  if (!isHere) return t('settings.device.open');
  if (addresses === null) return t('settings.device.loopback', { host });
  const { reach, urls } = addresses;
  if (reach === 'public') return t('settings.device.public');
  if (reach === 'container') return t('settings.device.container');
  if (reach === 'loopback') return t('settings.device.closed', { port: port || '80' });
  return urls.length === 0 ? t('settings.device.none') : t('settings.device.network', { host });
}

function DeviceCard() {
  const text = accountTexts.useText();
  const isHere = isLoopback(location.hostname);
  const addresses = useAddresses(isHere);
  const urls = addresses === null || addresses.reach === 'container' ? [] : addresses.urls;
  return (
    <Card title={text.t('settings.device.other')} lead={deviceLead(text, isHere, addresses)}>
      {urls.map((url) => (
        <div key={url} data-address={url}>
          <p className="font-mono text-sm break-all">{url}</p>
          <QrDetails url={url} />
        </div>
      ))}
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
