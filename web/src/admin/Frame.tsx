// The frame of the admin rooms: their navigation, beside the room on wide screens and above it on narrow ones.
import { Link, Outlet, useLocation, useRouter } from '@tanstack/react-router';
import { useEffect, useRef } from 'react';
import { useShortcuts } from '../ui/shortcuts.ts';
import './admin.css';
import { adminTexts } from './admin-text.ts';

const ROOMS = [
  { to: '/admin', name: 'nav.overview' },
  { to: '/admin/jobs', name: 'nav.jobs' },
  { to: '/admin/providers', name: 'nav.providers' },
  { to: '/admin/alerts', name: 'nav.alerts' },
  { to: '/admin/repair', name: 'nav.repair' },
  { to: '/admin/doctor', name: 'nav.doctor' },
  { to: '/admin/people', name: 'nav.people' },
  { to: '/admin/accounts', name: 'nav.accounts' },
  { to: '/admin/logs', name: 'nav.logs' },
  { to: '/admin/storage', name: 'nav.storage' },
  { to: '/admin/styles', name: 'nav.styles' },
  { to: '/admin/webhooks', name: 'nav.webhooks' },
  { to: '/admin/audit', name: 'nav.audit' },
] as const;

export function AdminFrame() {
  const { t } = adminTexts.useText();
  const router = useRouter();
  useShortcuts(t('nav.title'), [
    {
      keys: '/',
      label: t('keys.search'),
      run: () => {
        const field = document.getElementById('admin-search');
        if (field) return field.focus();
        void router.navigate({ to: '/admin/jobs' });
      },
    },
  ]);
  const list = useRef<HTMLUListElement>(null);
  const { pathname } = useLocation();
  // On narrow screens the list is one line that scrolls: the room that is open must be in sight.
  useEffect(() => {
    const current = list.current?.querySelector<HTMLElement>('[aria-current=page]');
    if (list.current && current)
      list.current.scrollLeft = current.offsetLeft - (list.current.clientWidth - current.offsetWidth) / 2;
  }, [pathname]);
  return (
    <div className="mx-auto max-w-[84rem] gap-8 px-4 py-5 sm:px-6 lg:flex lg:py-8">
      <nav aria-label={t('nav.title')} className="admin-nav lg:w-44 lg:shrink-0">
        <ul
          ref={list}
          className="relative flex gap-1 overflow-x-auto pb-3 lg:sticky! lg:top-20 lg:flex-col lg:overflow-visible lg:pb-0"
        >
          {ROOMS.map(({ to, name }) => (
            <li key={to} className="shrink-0">
              <Link
                to={to}
                className="admin-link"
                activeOptions={{ exact: to === '/admin', includeSearch: false }}
              >
                {t(name)}
              </Link>
            </li>
          ))}
        </ul>
      </nav>
      <div className="min-w-0 grow">
        <Outlet />
      </div>
    </div>
  );
}
