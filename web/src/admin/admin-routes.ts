// The routes of the admin rooms, each room a chunk of its own. Only administrators get in; the server refuses everybody else anyhow.
import { createRoute, lazyRouteComponent, redirect } from '@tanstack/react-router';
import type { ShellRoute } from '../pages/routes.tsx';
import { parseJobsSearch, parseTextSearch } from './admin-search.ts';
import { adminTexts, syncReasonTexts } from './admin-text.ts';

/** The rooms below `/admin`; the parent's context has the session. */
export function createAdminRoutes(getParentRoute: () => ShellRoute) {
  const admin = createRoute({
    getParentRoute,
    path: '/admin',
    beforeLoad: ({ context }) => {
      if (!context.session.scopes.includes('admin')) throw redirect({ to: '/', replace: true });
    },
    loader: () => adminTexts.load(),
    component: lazyRouteComponent(() => import('./Frame.tsx'), 'AdminFrame'),
  });
  const parent = () => admin;
  // A tuple, or else the router forgets the types of every route there is.
  const rooms = [
    createRoute({
      getParentRoute: parent,
      path: '/',
      component: lazyRouteComponent(() => import('./OverviewPage.tsx'), 'OverviewPage'),
    }),
    createRoute({
      getParentRoute: parent,
      path: '/jobs',
      validateSearch: parseJobsSearch,
      component: lazyRouteComponent(() => import('./JobsPage.tsx'), 'JobsPage'),
    }),
    createRoute({
      getParentRoute: parent,
      path: '/jobs/$id',
      component: lazyRouteComponent(() => import('./JobPage.tsx'), 'JobPage'),
    }),
    createRoute({
      getParentRoute: parent,
      path: '/providers',
      component: lazyRouteComponent(() => import('./ProvidersPage.tsx'), 'ProvidersPage'),
    }),
    createRoute({
      getParentRoute: parent,
      path: '/providers/$name',
      component: lazyRouteComponent(() => import('./ProviderPage.tsx'), 'ProviderPage'),
    }),
    createRoute({
      getParentRoute: parent,
      path: '/repair',
      component: lazyRouteComponent(() => import('./RepairPage.tsx'), 'RepairPage'),
    }),
    createRoute({
      getParentRoute: parent,
      path: '/doctor',
      component: lazyRouteComponent(() => import('./DoctorPage.tsx'), 'DoctorPage'),
    }),
    createRoute({
      getParentRoute: parent,
      path: '/people',
      validateSearch: parseTextSearch,
      component: lazyRouteComponent(() => import('./PeoplePage.tsx'), 'PeoplePage'),
    }),
    createRoute({
      getParentRoute: parent,
      path: '/accounts',
      component: lazyRouteComponent(() => import('./AccountsPage.tsx'), 'AccountsPage'),
    }),
    createRoute({
      getParentRoute: parent,
      path: '/accounts/$id',
      component: lazyRouteComponent(() => import('./AccountPage.tsx'), 'AccountPage'),
    }),
    createRoute({
      getParentRoute: parent,
      path: '/logs',
      validateSearch: parseTextSearch,
      component: lazyRouteComponent(() => import('./LogsPage.tsx'), 'LogsPage'),
    }),
    createRoute({
      getParentRoute: parent,
      path: '/storage',
      loader: () => syncReasonTexts.load(),
      component: lazyRouteComponent(() => import('./StoragePage.tsx'), 'StoragePage'),
    }),
    createRoute({
      getParentRoute: parent,
      path: '/styles',
      component: lazyRouteComponent(() => import('./StylesPage.tsx'), 'StylesPage'),
    }),
    createRoute({
      getParentRoute: parent,
      path: '/webhooks',
      validateSearch: parseTextSearch,
      component: lazyRouteComponent(() => import('./WebhooksPage.tsx'), 'WebhooksPage'),
    }),
    createRoute({
      getParentRoute: parent,
      path: '/alerts',
      component: lazyRouteComponent(() => import('./AlertsPage.tsx'), 'AlertsPage'),
    }),
    createRoute({
      getParentRoute: parent,
      path: '/audit',
      validateSearch: parseTextSearch,
      component: lazyRouteComponent(() => import('./AuditPage.tsx'), 'AuditPage'),
    }),
  ] as const;
  return admin.addChildren(rooms);
}
