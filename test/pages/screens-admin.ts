// Pictures of the admin rooms, for `node test/pages/screenshots.ts`.
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { openPage, type StudioServer, type WatchedPage } from './studio-browser.ts';

type Shoot = (page: Page, name: string) => Promise<void>;

const PROMPTS = [
  'A lighthouse on a basalt cliff in a winter storm, one warm window',
  '黎明时分，薄雾竹谷之上的小木茶舍',
  'A storm over the harbour [sandbox:fault=content_blocked]',
];

/** The rooms and what is there once each has its content. */
export const ADMIN_ROOMS = [
  ['overview', '/admin', 'main li a.card-link'],
  ['jobs', '/admin/jobs', 'main .admin-row'],
  ['providers', '/admin/providers', 'main svg[role=img]'],
  ['provider', '/admin/providers/sandbox', 'main svg[role=img]'],
  // What a busy machine is warned of stands there in place of the word that there is nothing.
  ['alerts', '/admin/alerts', 'main p.sheet, main ul.sheet'],
  ['repair', '/admin/repair', 'main section .sheet'],
  ['doctor', '/admin/doctor', 'main p.sheet'],
  ['people', '/admin/people', 'main p.sheet, main .admin-row'],
  ['accounts', '/admin/accounts', 'main .admin-row'],
  ['logs', '/admin/logs', 'main .admin-log, main p.sheet'],
  ['storage', '/admin/storage', 'main li.sheet'],
  ['styles', '/admin/styles', 'main .admin-row'],
  ['webhooks', '/admin/webhooks', 'main p.sheet'],
  ['audit', '/admin/audit', 'main .admin-row'],
] as const;

interface MadeTask {
  id: string;
  status: string;
}

/** Tasks of every end and an account; returns their ids. */
export async function prepareAdmin(server: StudioServer): Promise<{ taskIds: string[]; accountId: string }> {
  const post = async (path: string, body: object) => {
    const answer = await fetch(`${server.baseUrl}${path}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${server.apiKey}`,
        prefer: 'wait=30',
      },
      body: JSON.stringify(body),
    });
    return (await answer.json()) as MadeTask;
  };
  const { id: accountId } = await post('/v1/admin/accounts', { name: 'Harbour Studio', grant_credits: 100 });
  const taskIds: string[] = [];
  for (const prompt of PROMPTS)
    taskIds.push((await post('/v1/tasks', { prompt, size: '256x256', model: 'sandbox-flaky' })).id);
  return { taskIds, accountId };
}

/** A page of its own that is signed in as an administrator. */
export async function openAdmin(
  browser: Browser,
  server: StudioServer,
  options: BrowserContextOptions,
): Promise<WatchedPage> {
  const watched = await openPage(browser, server.baseUrl, options);
  await watched.page.context().addCookies([await server.sessionCookie()]);
  return watched;
}

let prepared: ReturnType<typeof prepareAdmin> | undefined;

/** Every admin room, one job and one account. */
export async function shootAdmin(
  browser: Browser,
  server: StudioServer,
  options: BrowserContextOptions,
  shoot: Shoot,
): Promise<void> {
  prepared ??= prepareAdmin(server);
  const { taskIds, accountId } = await prepared;
  const admin = await openAdmin(browser, server, options);
  const rooms = [
    ...ADMIN_ROOMS,
    ['job', `/admin/jobs/${taskIds[2]}`, 'main svg[role=img]'],
    ['account', `/admin/accounts/${accountId}`, 'main .admin-row'],
  ] as const;
  for (const [name, path, content] of rooms) {
    await admin.page.goto(`${server.baseUrl}${path}`);
    await admin.page.locator(content).first().waitFor();
    await shoot(admin.page, `admin-${name}`);
  }
  await admin.close();
}
