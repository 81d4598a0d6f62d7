// The frame of the account's pages: their names in a row, the open one marked.
import { Link, Outlet } from '@tanstack/react-router';
import { accountTexts } from './account-text.ts';

const PAGES = [
  { to: '/account', name: 'account.nav.profile' },
  { to: '/account/keys', name: 'account.nav.keys' },
  { to: '/account/credits', name: 'account.nav.credits' },
  { to: '/account/links', name: 'room.links' },
] as const;

const TAB =
  'flex min-h-11 items-center border-b-2 border-transparent px-2 font-medium whitespace-nowrap text-soft aria-[current=page]:border-lamp aria-[current=page]:text-ink';

export function AccountFrame() {
  const { t } = accountTexts.useText();
  return (
    <>
      <nav
        aria-label={t('account.nav')}
        className="mx-auto -mb-4 flex max-w-3xl gap-1 overflow-x-auto px-2 pt-4 sm:px-4"
      >
        {PAGES.map(({ to, name }) => (
          <Link key={to} to={to} className={TAB} activeOptions={{ exact: true }}>
            {t(name)}
          </Link>
        ))}
      </nav>
      <Outlet />
    </>
  );
}
