// The routes of the story rooms, each a chunk of its own: the list, a new story, one story's outline, and its reader.
import { createRoute, lazyRouteComponent } from '@tanstack/react-router';
import type { ShellRoute } from '../pages/routes.tsx';
import { parseReaderSearch } from './reader/reader-search.ts';
import { readerTexts } from './reader/reader-text.ts';
import { storyTexts } from './story-text.ts';

/** The rooms below `/stories`. */
export function createStoryRoutes(getParentRoute: () => ShellRoute) {
  const loader = () => storyTexts.load();
  // A tuple, or else the router forgets the types of every route there is.
  return [
    createRoute({
      getParentRoute,
      path: '/stories',
      loader,
      component: lazyRouteComponent(() => import('./ListPage.tsx'), 'StoryListPage'),
    }),
    createRoute({
      getParentRoute,
      path: '/stories/new',
      validateSearch: (search: Record<string, unknown>): { example?: true } =>
        search.example === true ? { example: true } : {},
      loader,
      component: lazyRouteComponent(() => import('./NewPage.tsx'), 'NewStoryPage'),
    }),
    createRoute({
      getParentRoute,
      path: '/stories/$id',
      loader,
      component: lazyRouteComponent(() => import('./MakerPage.tsx'), 'StoryMakerPage'),
    }),
    createRoute({
      getParentRoute,
      path: '/stories/$id/read',
      validateSearch: parseReaderSearch,
      loader: () => readerTexts.load(),
      component: lazyRouteComponent(() => import('./reader/ReaderPage.tsx'), 'ReaderPage'),
    }),
  ] as const;
}
