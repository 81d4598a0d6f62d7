// The page of the server's address: needs no session and no server, so that it can be reached when neither is there.
import { Link } from '@tanstack/react-router';
import { useEffect } from 'react';
import { accountTexts } from '../account/account-text.ts';
import { Door } from '../account/Door.tsx';
import { Icon } from '../ui/Icon.tsx';
import { otherServer } from './api-address.ts';
import { ServerForm } from './ServerForm.tsx';

export function ServerPage() {
  const { t } = accountTexts.useText();
  const current = otherServer();
  useEffect(() => {
    document.title = `${t('server.title')} · Drawbridge`;
  }, [t]);
  return (
    <Door progress={0}>
      <div className="sheet flex flex-col gap-4 p-6">
        <h1 className="text-xl font-semibold">{t('server.title')}</h1>
        <p className="text-soft">{t('server.lead')}</p>
        {current && <p className="text-sm">{t('server.current', { address: current.url })}</p>}
        <ServerForm />
      </div>
      <Link to="/settings" className="button button-quiet self-start">
        <Icon name="left" className="size-4.5" />
        {t('server.back')}
      </Link>
    </Door>
  );
}
