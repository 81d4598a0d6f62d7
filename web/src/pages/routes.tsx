// The route table. Rooms behind the session are children of the shell; each room is downloaded when it is first opened.
import { QueryClient } from '@tanstack/react-query';
import {
  createBrowserHistory,
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  redirect,
} from '@tanstack/react-router';
import { sessionQuery } from '../account/queries.ts';
import { ApiError } from '../api/problem.ts';
import { Crash } from './Crash.tsx';
import { NotFound } from './NotFound.tsx';
import { Root } from './Root.tsx';
import { Shell } from './Shell.tsx';

const QUERY_RETRIES = 2;

/** Calls are retried when the failure may pass; connection loss is shown by the live banner, not by paused queries. */
export function createQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        // navigator.onLine is false on many LANs without internet, where everything works.
        networkMode: 'always',
        refetchOnWindowFocus: false,
        retry: (failures, error) =>
          failures < QUERY_RETRIES && (!(error instanceof ApiError) || error.problem.retryable),
      },
      mutations: { networkMode: 'always' },
    },
  });
}

interface RouterContext {
  queryClient: QueryClient;
}

const rootRoute = createRootRouteWithContext<RouterContext>()({ component: Root });

const signInRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/sign-in',
  component: lazyRouteComponent(() => import('../account/SignIn.tsx'), 'SignIn'),
});

const setUpRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/setup',
  component: lazyRouteComponent(() => import('../account/SetUp.tsx'), 'SetUp'),
});

const shellRoute = createRoute({
  getParentRoute: () => rootRoute,
  id: 'shell',
  component: Shell,
  beforeLoad: async ({ context }) => {
    const session = await context.queryClient.ensureQueryData(sessionQuery);
    if (!session) throw redirect({ to: '/sign-in', replace: true });
    return { session };
  },
});

export interface StudioSearch {
  /** Id of the picture shown large. */
  view?: string;
}

const studioRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: '/',
  validateSearch: (search: Record<string, unknown>): StudioSearch =>
    typeof search.view === 'string' ? { view: search.view } : {},
  component: lazyRouteComponent(() => import('../studio/Page.tsx'), 'StudioPage'),
});

const routeTree = rootRoute.addChildren([signInRoute, setUpRoute, shellRoute.addChildren([studioRoute])]);

/** The router, under the path prefix that <base> states. */
export function createAppRouter(queryClient: QueryClient) {
  const basepath = new URL(document.baseURI).pathname;
  return createRouter({
    routeTree,
    basepath,
    history: createBrowserHistory(),
    context: { queryClient },
    defaultErrorComponent: Crash,
    defaultNotFoundComponent: NotFound,
    defaultPreload: 'intent',
    trailingSlash: 'preserve',
  });
}

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof createAppRouter>;
  }
}
