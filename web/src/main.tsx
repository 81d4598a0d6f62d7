// Starts the web app: language first (nothing can be said without it), then the router.
import { QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { createRoot } from 'react-dom/client';
import { sessionQuery } from './account/queries.ts';
import { onSignedOut } from './api/client.ts';
import './app.css';
import { createAppRouter, createQueryClient, startDownloads } from './pages/routes.tsx';
import { loadErrorTexts, startLanguage } from './ui/language.ts';

async function start(): Promise<void> {
  const holder = document.getElementById('app');
  if (!holder) throw new Error('index.html has no #app');
  const queryClient = createQueryClient();
  const router = createAppRouter(queryClient);
  startDownloads(router, queryClient);
  await startLanguage();
  onSignedOut(() => {
    if (queryClient.getQueryData(sessionQuery.queryKey) === null) return;
    queryClient.setQueryData(sessionQuery.queryKey, null);
    void router.invalidate();
  });
  createRoot(holder).render(
    <QueryClientProvider client={queryClient}>
      <RouterProvider router={router} />
    </QueryClientProvider>,
  );
  void loadErrorTexts();
}

void start();
