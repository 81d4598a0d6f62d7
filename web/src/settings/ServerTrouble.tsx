// Shown while another server cannot be reached for long: tests its address again after each failed attempt and says which
// step fails and what mends it. The attempts themselves go on in the stream.
import { Link } from '@tanstack/react-router';
import { useCallback, useEffect, useRef, useState } from 'react';
import { accountTexts } from '../account/account-text.ts';
import type { OtherServer } from './api-address.ts';
import { type ServerTestOutcome, testServer } from './server-test.ts';

function Finding({ outcome }: { outcome: ServerTestOutcome | null }) {
  const { t } = accountTexts.useText();
  if (!outcome) return <>{t('server.trouble.testing')}</>;
  if ('server' in outcome) return <>{t('server.trouble.fine')}</>;
  const { step, reason, values } = outcome.failure;
  return <>{t('server.trouble.step', { step: t(`server.step.${step}`), reason: t(reason, values) })}</>;
}

/** `failures` counts failed attempts; each new one is a reason to test again. */
export function ServerTrouble({ server, failures }: { server: OtherServer; failures: number }) {
  const { t } = accountTexts.useText();
  const [outcome, setOutcome] = useState<ServerTestOutcome | null>(null);
  const running = useRef<AbortController | null>(null);
  const test = useCallback(async () => {
    if (running.current) return;
    const stopper = new AbortController();
    running.current = stopper;
    const found = await testServer({
      address: server.url,
      key: server.key,
      signal: stopper.signal,
      onStep: () => {},
    }).catch(() => null);
    running.current = null;
    if (found && !stopper.signal.aborted) setOutcome(found);
  }, [server]);
  useEffect(() => {
    if (failures > 0) void test();
  }, [failures, test]);
  useEffect(() => () => running.current?.abort(), []);
  return (
    <section role="status" className="border-b border-line bg-sheet px-4 py-3" data-server-trouble="">
      <div className="mx-auto flex max-w-3xl flex-col gap-2 text-sm">
        <p className="font-semibold">{t('server.trouble')}</p>
        <p>
          <span className="text-soft">{server.url}</span> <Finding outcome={outcome} />
        </p>
        <div className="-mx-2.5 flex flex-wrap">
          <button type="button" className="button button-quiet" onClick={() => void test()}>
            {t('server.trouble.again')}
          </button>
          <Link to="/settings/server" className="button button-quiet">
            {t('server.trouble.change')}
          </Link>
        </div>
      </div>
    </section>
  );
}
