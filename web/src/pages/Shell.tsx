// The frame of all rooms: header with rooms, balance and account, the connection banner, and the room itself.
import { Link, Outlet } from '@tanstack/react-router';
import type { WebMessageKey } from '../../../src/kernel/messages/web-en.ts';
import { AccountMenu } from '../account/AccountMenu.tsx';
import { Balance } from '../account/Balance.tsx';
import { Bridge } from '../ui/Bridge.tsx';
import { LanguageSwitch } from '../ui/LanguageSwitch.tsx';
import { useText } from '../ui/language.ts';
import { ConnectionBanner } from './ConnectionBanner.tsx';
import { LiveDot } from './LiveDot.tsx';

/** Every room that exists, in the order of the navigation. */
const ROOMS = [{ to: '/', name: 'room.studio' }] as const satisfies readonly {
  to: string;
  name: WebMessageKey;
}[];

export function Shell() {
  const { t } = useText();
  return (
    <>
      <header className="sticky top-0 z-20 border-b border-line bg-paper">
        <div className="mx-auto flex h-14 max-w-[100rem] items-center gap-1 px-3 sm:gap-3 sm:px-6">
          <Bridge progress={0.45} className="h-9 w-14 shrink-0" />
          <span className="hidden text-lg font-semibold tracking-tight sm:inline">Drawbridge</span>
          <nav aria-label={t('app.rooms')} className="ml-1 flex sm:ml-4">
            {ROOMS.map((room) => (
              <Link
                key={room.to}
                to={room.to}
                className="flex min-h-11 items-center border-b-2 border-transparent px-2 font-medium text-soft aria-[current=page]:border-lamp aria-[current=page]:text-ink"
              >
                {t(room.name)}
              </Link>
            ))}
          </nav>
          <div className="ml-auto flex items-center gap-1">
            <LiveDot />
            <Balance />
            <LanguageSwitch />
            <AccountMenu />
          </div>
        </div>
        <ConnectionBanner />
      </header>
      <main id="main" tabIndex={-1} className="outline-none">
        <Outlet />
      </main>
    </>
  );
}
