// The frame of all rooms: header with rooms, balance and account (a bar at the lower edge on phones), the connection banner,
// the tab's event stream, and the keys that work everywhere.
import { Link, Outlet, useRouter } from '@tanstack/react-router';
import { lazy, Suspense, useState } from 'react';
import type { WebMessageKey } from '../../../src/kernel/messages/web-en.ts';
import { ACCOUNT_PANEL, AccountMenu, type MenuLink } from '../account/AccountMenu.tsx';
import { AccountNotices } from '../account/AccountNotices.tsx';
import { Balance } from '../account/Balance.tsx';
import { useLiveTasks } from '../studio/use-live-tasks.ts';
import { Bridge } from '../ui/Bridge.tsx';
import { Icon, type IconName } from '../ui/Icon.tsx';
import { useText } from '../ui/language.ts';
import { useShortcuts } from '../ui/shortcuts.ts';
import { ConnectionBanner } from './ConnectionBanner.tsx';
import { LiveDot } from './LiveDot.tsx';

/** Every room that exists, in the order of the navigation; `key` is the letter after `g` that goes there. */
const ROOMS = [
  { to: '/', name: 'room.studio', icon: 'studio', key: 's' },
  { to: '/gallery', name: 'room.gallery', icon: 'gallery', key: 'g' },
  { to: '/batches', name: 'room.batches', icon: 'batch', key: 'b' },
  { to: '/stories', name: 'room.stories', icon: 'story', key: 't' },
] as const satisfies readonly {
  to: string;
  name: WebMessageKey;
  icon: IconName;
  key: string;
}[];

/** Further pages, in the account's menu. `adminOnly` ones are shown to keys with the scope `admin`. */
const MENU_LINKS: readonly MenuLink[] = [
  { to: '/account', name: 'room.account', icon: 'account' },
  { to: '/account/links', name: 'room.links', icon: 'link' },
  { to: '/settings', name: 'room.settings', icon: 'settings' },
  { to: '/admin', name: 'room.admin', icon: 'admin', adminOnly: true },
];

const ShortcutHelp = lazy(() =>
  import('../ui/ShortcutHelp.tsx').then(({ ShortcutHelp }) => ({ default: ShortcutHelp })),
);

function useGlobalKeys(openHelp: () => void): void {
  const { t } = useText();
  const router = useRouter();
  useShortcuts(t('keys.everywhere'), [
    { keys: '?', label: t('keys.help'), run: openHelp },
    ...ROOMS.map(({ to, name, key }) => ({
      keys: `g ${key}`,
      label: t('keys.goTo', { room: t(name) }),
      run: () => void router.navigate({ to }),
    })),
  ]);
}

function Rooms() {
  const { t } = useText();
  return (
    <nav aria-label={t('app.rooms')} className="rooms flex sm:ml-4">
      {ROOMS.map((room) => (
        <Link key={room.to} to={room.to} className="room" activeOptions={{ exact: room.to === '/' }}>
          <Icon name={room.icon} />
          {t(room.name)}
        </Link>
      ))}
      <button type="button" className="room sm:hidden" popoverTarget={ACCOUNT_PANEL}>
        <Icon name="more" />
        {t('account.more')}
      </button>
    </nav>
  );
}

export function Shell() {
  const [helpOpen, setHelpOpen] = useState(false);
  const openHelp = () => setHelpOpen(true);
  useLiveTasks();
  useGlobalKeys(openHelp);
  return (
    <>
      <header className="sticky top-0 z-20 border-b border-line bg-paper">
        <div className="mx-auto flex h-14 max-w-[100rem] items-center gap-1 px-3 sm:gap-3 sm:px-6">
          <Bridge progress={0.45} className="h-9 w-14 shrink-0" />
          <span className="text-lg font-semibold tracking-tight">Drawbridge</span>
          <Rooms />
          <div className="ml-auto flex items-center gap-1">
            <LiveDot />
            <Balance />
            <AccountMenu links={MENU_LINKS} onShowKeys={openHelp} />
          </div>
        </div>
        <ConnectionBanner />
      </header>
      <AccountNotices />
      <main id="main" tabIndex={-1} className="outline-none">
        <Outlet />
      </main>
      {helpOpen && (
        <Suspense fallback={null}>
          <ShortcutHelp onClose={() => setHelpOpen(false)} />
        </Suspense>
      )}
    </>
  );
}
