// The route table. Rooms behind the session are children of the shell; each room is downloaded when it is first opened.
import { QueryClient } from '@tanstack/react-query';
import {
  type AnyRoute,
  createBrowserHistory,
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  redirect,
} from '@tanstack/react-router';
import { accountTexts } from '../account/account-text.ts';
import { sessionQuery } from '../account/queries.ts';
import { createAdminRoutes } from '../admin/admin-routes.ts';
import { ApiError } from '../api/problem.ts';
import { parseBatchSearch } from '../batches/batch-search.ts';
import { batchTexts } from '../batches/batch-text.ts';
import { beginFirstLook } from '../gallery/first-look.ts';
import { parseGallerySearch } from '../gallery/gallery-search.ts';
import { galleryTexts } from '../gallery/gallery-text.ts';
import { lightboxTexts } from '../lightbox/lightbox-text.ts';
import { ServerCrash } from '../settings/ServerCrash.tsx';
import { shareTexts } from '../share/share-text.ts';
import { createStoryRoutes } from '../stories/story-routes.ts';
import { modelsQuery, stylesQuery, tasksQuery } from '../studio/queries.ts';
import { currentText } from '../ui/language.ts';
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
  validateSearch: (search: Record<string, unknown>): { next?: string } =>
    // A path of this app, never another origin.
    typeof search.next === 'string' && /^\/(?![/\\])/.test(search.next) ? { next: search.next } : {},
  loader: () => accountTexts.load(),
  component: lazyRouteComponent(() => import('../account/SignIn.tsx'), 'SignIn'),
});

const invitationRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/invitation',
  loader: () => accountTexts.load(),
  component: lazyRouteComponent(() => import('../account/Invitation.tsx'), 'InvitationPage'),
});

// Outside of the shell: it must open when there is neither a session nor a server.
const serverRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/settings/server',
  loader: () => accountTexts.load(),
  component: lazyRouteComponent(() => import('../settings/ServerPage.tsx'), 'ServerPage'),
});

const setUpRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/setup',
  loader: () => accountTexts.load(),
  component: lazyRouteComponent(() => import('../account/SetUp.tsx'), 'SetUp'),
});

const shellRoute = createRoute({
  getParentRoute: () => rootRoute,
  id: 'shell',
  component: Shell,
  errorComponent: ServerCrash,
  beforeLoad: async ({ context, location }) => {
    const session = await context.queryClient.ensureQueryData(sessionQuery);
    // Back to the same place after signing in; the draft waits on this device.
    if (!session)
      throw redirect({
        to: '/sign-in',
        search: location.href === '/' ? {} : { next: location.href },
        replace: true,
      });
    return { session };
  },
});

export interface StudioSearch {
  /** Id of the picture shown large. */
  view?: string;
  /** What to start from, as "make one like this" and other rooms ask for it; taken into the draft at once. */
  prompt?: string;
  model?: string;
  style?: string;
}

const STUDIO_SEARCH = ['view', 'prompt', 'model', 'style'] as const;

const studioRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: '/',
  validateSearch: (search: Record<string, unknown>): StudioSearch =>
    Object.fromEntries(
      // The router reads a prompt such as `1984` as a number.
      STUDIO_SEARCH.flatMap((name) => {
        const value = search[name];
        return typeof value === 'string' || typeof value === 'number' ? [[name, String(value)]] : [];
      }),
    ),
  loader: ({ context }) => readStudio(context.queryClient),
  component: lazyRouteComponent(() => import('../studio/Page.tsx'), 'StudioPage'),
});

/** Begins to read what the Studio shows, beside its script; what fails here is asked again, and told, by the page. */
function readStudio(client: QueryClient): void {
  const { language } = currentText();
  const ignore = () => {};
  void client.ensureInfiniteQueryData(tasksQuery).catch(ignore);
  void client.ensureQueryData(modelsQuery).catch(ignore);
  void client.ensureQueryData(stylesQuery(language)).catch(ignore);
}

const galleryRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: '/gallery',
  validateSearch: parseGallerySearch,
  loader: loadGalleryTexts,
  component: lazyRouteComponent(() => import('../gallery/Page.tsx'), 'GalleryPage'),
});

function loadGalleryTexts(): Promise<unknown> {
  return Promise.all([galleryTexts.load(), lightboxTexts.load()]);
}

/** Begins to read what the gallery shows first, beside its script and its texts. */
function readGallery(search: unknown): void {
  const { view: _large, ...filter } = parseGallerySearch(search as Record<string, unknown>);
  beginFirstLook(filter);
  // Told by the route's loader.
  loadGalleryTexts().catch(() => {});
}

const accountRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: '/account',
  loader: () => accountTexts.load(),
  component: lazyRouteComponent(() => import('../account/AccountFrame.tsx'), 'AccountFrame'),
});

const profileRoute = createRoute({
  getParentRoute: () => accountRoute,
  path: '/',
  component: lazyRouteComponent(() => import('../account/ProfilePage.tsx'), 'ProfilePage'),
});

const keysRoute = createRoute({
  getParentRoute: () => accountRoute,
  path: '/keys',
  component: lazyRouteComponent(() => import('../account/KeysPage.tsx'), 'KeysPage'),
});

const creditsRoute = createRoute({
  getParentRoute: () => accountRoute,
  path: '/credits',
  component: lazyRouteComponent(() => import('../account/CreditsPage.tsx'), 'CreditsPage'),
});

const linksRoute = createRoute({
  getParentRoute: () => accountRoute,
  path: '/links',
  loader: () => shareTexts.load(),
  component: lazyRouteComponent(() => import('../share/LinksPage.tsx'), 'LinksPage'),
});

const settingsRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: '/settings',
  loader: () => accountTexts.load(),
  component: lazyRouteComponent(() => import('../settings/SettingsPage.tsx'), 'SettingsPage'),
});

const batchesRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: '/batches',
  loader: () => batchTexts.load(),
  component: lazyRouteComponent(() => import('../batches/ListPage.tsx'), 'BatchListPage'),
});

const newBatchRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: '/batches/new',
  validateSearch: (search: Record<string, unknown>): { example?: true } =>
    search.example === true ? { example: true } : {},
  loader: () => batchTexts.load(),
  component: lazyRouteComponent(() => import('../batches/NewPage.tsx'), 'NewBatchPage'),
});

const batchRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: '/batches/$batchId',
  validateSearch: parseBatchSearch,
  loader: () => batchTexts.load(),
  component: lazyRouteComponent(() => import('../batches/BatchPage.tsx'), 'BatchPage'),
});

/** What rooms that keep their own routes hang them on. */
export type ShellRoute = typeof shellRoute;

const routeTree = rootRoute.addChildren([
  signInRoute,
  setUpRoute,
  invitationRoute,
  serverRoute,
  shellRoute.addChildren([
    studioRoute,
    galleryRoute,
    batchesRoute,
    newBatchRoute,
    batchRoute,
    accountRoute.addChildren([profileRoute, keysRoute, creditsRoute, linksRoute]),
    settingsRoute,
    createAdminRoutes(() => shellRoute),
    ...createStoryRoutes(() => shellRoute),
  ]),
]);

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

export type AppRouter = ReturnType<typeof createAppRouter>;

/**
 * Begins to download what the current address needs, its session included, before anything is rendered: on a slow line nothing then
 * waits for the language. What fails here is asked again, and told, by the router.
 */
export function startDownloads(router: AppRouter, client: QueryClient): void {
  const routes: Readonly<Record<string, AnyRoute>> = router.routesById;
  for (const { routeId, search } of router.matchRoutes(router.latestLocation)) {
    const route = routes[routeId];
    if (routeId === galleryRoute.id) readGallery(search);
    if (route) router.loadRouteChunk(route)?.catch(() => {});
    if (routeId === shellRoute.id) void client.prefetchQuery(sessionQuery);
  }
}

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof createAppRouter>;
  }
}
