// What stands between header and room in every room: the question how to come back after the set-up link, and, while another
// server cannot be reached, why. Both are downloaded only when they are needed.
import { type ComponentType, useEffect, useState } from 'react';
import { useLiveStatus } from '../live/live-status.ts';
import { type OtherServer, otherServer } from '../settings/api-address.ts';
import { DONE_NOTICE_STORED } from '../settings/done-notice-wish.ts';
import { readStored } from '../ui/stored.ts';
import { accountTexts } from './account-text.ts';
import { useAsksForLogin } from './ask-for-login.ts';

/** After so many failed attempts the reason is looked for. */
const FAILURES_UNTIL_TROUBLE = 5;

/** Downloads a part with its texts; null until it is there, and without a word where that fails. */
function useLatePart<Props>(isWanted: boolean, load: () => Promise<ComponentType<Props>>) {
  const [part, setPart] = useState<{ Part: ComponentType<Props> } | null>(null);
  useEffect(() => {
    if (!isWanted) return;
    void Promise.all([load(), accountTexts.load()]).then(
      ([Part]) => setPart({ Part }),
      () => {},
    );
  }, [isWanted]);
  return part?.Part ?? null;
}

function LoginQuestion() {
  const isAsked = useAsksForLogin();
  const Part = useLatePart(isAsked, async () => (await import('./AskForLogin.tsx')).AskForLogin);
  return isAsked && Part ? <Part /> : null;
}

function OtherServerTrouble({ server }: { server: OtherServer }) {
  const { state, failures } = useLiveStatus();
  // Fetched while all is well: it must be here when the network is not.
  const Part = useLatePart(true, async () => (await import('../settings/ServerTrouble.tsx')).ServerTrouble);
  const isLost = state !== 'open' && failures >= FAILURES_UNTIL_TROUBLE;
  return isLost && Part ? <Part server={server} failures={failures} /> : null;
}

export function AccountNotices() {
  const server = otherServer();
  useEffect(() => {
    if (readStored(DONE_NOTICE_STORED) === null) return;
    void import('../settings/done-notice.ts').then(
      ({ startDoneNotices }) => startDoneNotices(),
      () => {},
    );
  }, []);
  return (
    <>
      {server && <OtherServerTrouble server={server} />}
      <LoginQuestion />
    </>
  );
}
