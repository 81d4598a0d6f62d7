// Every screen of the studio, dialogs and failures included, as steps that work at every width and in every language. A screen
// goes on from the one before it.
import type { Page, Route } from 'playwright-core';
import { ADMIN_ROOMS } from './screens-admin.ts';
import { openReader } from './screens-story.ts';
import { openMenu } from './studio-browser.ts';
import { closeDialog, DONE, FAILED, RUNNING, type Say, type Walker, type World } from './sweep-world.ts';

export interface Screen {
  name: string;
  show(page: Page, world: World, say: Say): Promise<void>;
}

const dialog = (page: Page) => page.locator('dialog[open]');
const named = (page: Page, name: string) => page.getByRole('button', { name, exact: true }).first();
const card = (page: Page, prompt: string) => page.locator('article', { hasText: prompt.slice(0, 7) }).first();

/** A screen that is only an address, shown once `ready` is there. */
const at = (name: string, path: string, ready: string): Screen => ({
  name,
  async show(page, world) {
    await page.goto(`${world.baseUrl}${path}`);
    await page.locator(ready).first().waitFor();
  },
});

async function allLoaded(page: Page): Promise<void> {
  await page.evaluate(`Promise.all([...document.images].map((image) => {
    image.loading = 'eager';
    return image.decode();
  }))`);
}

/** A page that a visitor of a link gets. */
const shared = (name: string, urlOf: (world: World) => string): Screen => ({
  name,
  async show(page, world) {
    await page.goto(urlOf(world));
    await allLoaded(page);
  },
});

/** What somebody without a session sees. */
export const VISITOR_SCREENS: readonly Screen[] = [
  at('sign-in', '/sign-in', 'a[href*="oidc/start"]'),
  {
    name: 'sign-in, with a key',
    async show(page) {
      await page.locator('main details > summary, details > summary').first().click();
      await page.locator('#api-key').waitFor();
    },
  },
  {
    name: 'sign-in, refused',
    async show(page) {
      await page.locator('#login').fill('nobody');
      await page.locator('#password').fill('a wrong one');
      await page.locator('#password').press('Enter');
      await page.locator('[role=alert] dl').waitFor();
    },
  },
  {
    name: 'register',
    async show(page, _world, say) {
      await named(page, say('door.toRegister')).click();
      await page.locator('#new-password').fill('short');
      await page.locator('#new-password').press('Enter');
      await page.locator('#new-password[aria-invalid=true]').waitFor();
    },
  },
  at('sign-in, back from elsewhere', '/sign-in?again#error=oidc_unknown', '[role=alert] dl'),
  at('reset of a password', '/sign-in?reset#reset=used', '#new-password'),
  {
    name: 'invitation',
    async show(page, world) {
      await page.goto(world.invitationUrl);
      await page.locator('#new-password').waitFor();
    },
  },
  at('set-up, done already', '/setup', 'a.button'),
  at('another server', '/settings/server', '#server-address'),
  {
    name: 'another server, key refused',
    async show(page, world) {
      await page.locator('#server-address').fill(world.baseUrl);
      await page.locator('#server-key').fill('dbk_wrong');
      await page.locator('#server-key').press('Enter');
      await page.locator('[data-state=failed]').waitFor();
    },
  },
  shared('share of one', ({ shares }) => shares.one),
  shared('share of many', ({ shares }) => shares.many),
  shared('share with a password', ({ shares }) => shares.locked),
  {
    name: 'share with a password, refused',
    async show(page) {
      await page.locator('#password').fill('wrong');
      await page.locator('#password').press('Enter');
      await page.getByRole('alert').waitFor();
    },
  },
  shared('share of a story', ({ shares }) => shares.story),
  shared('share that is gone', ({ baseUrl }) => `${baseUrl}/s/${'a'.repeat(26)}`),
];

const STUDIO: readonly Screen[] = [
  {
    name: 'studio: finished, failed and running',
    async show(page, world) {
      await page.goto(world.baseUrl);
      await card(page, RUNNING).waitFor();
      await card(page, FAILED).locator('.text-alarm').first().waitFor();
      await card(page, DONE).locator('[data-image] img').first().waitFor();
    },
  },
  {
    name: 'studio: settings and models open',
    async show(page) {
      const fold = page.locator('form details > summary').first();
      const models = page.locator('form button[aria-controls]').first();
      // The settings come with the models, perhaps after the cards: whether they are folded away is seen only then.
      await models.waitFor({ state: 'attached' });
      if (!(await models.isVisible())) await fold.click();
      await models.click();
      await page.locator('form button[aria-controls][aria-expanded=true]').waitFor();
    },
  },
  { name: 'menu', show: openMenu },
  {
    name: 'earlier prompts',
    async show(page, _world, say) {
      await closeDialog(page);
      await named(page, say('history.title')).click();
      await page
        .locator('[popover]:popover-open [type=search], dialog[open] [type=search]')
        .first()
        .waitFor();
    },
  },
  {
    name: 'shortcuts',
    async show(page) {
      await closeDialog(page);
      await page.locator('#main').focus();
      await page.keyboard.press('?');
      await dialog(page).waitFor();
    },
  },
  {
    name: 'why this result',
    async show(page, _world, say) {
      await closeDialog(page);
      await card(page, DONE)
        .getByRole('button', { name: say('task.why'), exact: true })
        .click();
      await dialog(page).locator('dl').first().waitFor();
    },
  },
  {
    name: 'share dialog',
    async show(page, _world, say) {
      await closeDialog(page);
      await card(page, DONE)
        .getByRole('button', { name: say('task.share'), exact: true })
        .first()
        .click();
      await dialog(page).locator('form').waitFor();
    },
  },
  {
    name: 'share dialog, link made',
    async show(page) {
      await dialog(page).locator('button[type=submit]').click();
      await dialog(page).locator('input[readonly]').first().waitFor();
    },
  },
  {
    name: 'picture menu',
    async show(page) {
      await closeDialog(page);
      await card(page, DONE).locator('button[aria-haspopup=menu]').first().click();
      await page.getByRole('menu').first().waitFor();
    },
  },
  {
    name: 'studio: large',
    async show(page) {
      await closeDialog(page);
      await card(page, DONE).locator('[data-image]').first().click();
      await dialog(page).locator('img').first().waitFor();
    },
  },
];

/** Answers calls of this address by itself, for as long as `show` takes. */
const answering = (
  name: string,
  {
    path,
    url,
    ready,
    answer,
  }: { path: string; url: string; ready: string; answer(route: Route): Promise<void> },
): Screen => ({
  name,
  async show(page, world) {
    await page.route(url, answer);
    await page.goto(`${world.baseUrl}${path}`);
    await page.locator(ready).first().waitFor();
    await page.unroute(url);
  },
});

const BROKEN = {
  status: 503,
  contentType: 'application/problem+json',
  body: JSON.stringify({
    status: 503,
    code: 'unavailable',
    title: 'Unavailable',
    detail: 'The database is away.',
  }),
};

const ERRORS: readonly Screen[] = [
  answering('studio: nothing yet', {
    path: '/',
    url: '**/v1/tasks?*',
    ready: '#feed button',
    answer: (route) => route.fulfill({ json: { data: [], next_cursor: null } }),
  }),
  answering('server does not answer', {
    path: '/gallery',
    url: '**/v1/auth/session',
    ready: '#main .button-lamp',
    answer: (route) => route.fulfill(BROKEN),
  }),
  answering('list that failed', {
    path: '/account/links',
    url: '**/v1/shares*',
    ready: '#main dl',
    answer: (route) => route.fulfill(BROKEN),
  }),
  at('address that leads nowhere', '/nowhere', '#main .button-lamp'),
];

const GALLERY: readonly Screen[] = [
  at('gallery', '/gallery', '.wall-shown'),
  {
    name: 'gallery: selection',
    async show(page) {
      await page.locator('.wall-open').first().focus();
      await page.keyboard.press('Space');
      await page.locator('.selection-bar').waitFor();
    },
  },
  {
    name: 'gallery: large, with its details',
    async show(page) {
      await page.keyboard.press('Escape');
      await page.locator('.selection-bar').waitFor({ state: 'detached' });
      await page.locator('.wall-open').first().click();
      await page.locator('.stage-loaded').waitFor();
      if (!(await page.locator('.lightbox-panel').isVisible())) await page.keyboard.press('i');
      await page.locator('.lightbox-panel').waitFor();
    },
  },
  {
    name: 'gallery: filters',
    async show(page, _world, say) {
      await closeDialog(page);
      await page
        .getByRole('button', { name: say('gallery.filters') })
        .first()
        .click();
      await dialog(page).locator('select').first().waitFor();
    },
  },
  {
    name: 'gallery: view',
    async show(page, _world, say) {
      await closeDialog(page);
      await named(page, say('gallery.view')).click();
      await page.locator('[popover]:popover-open, dialog[open]').first().waitFor();
    },
  },
  at('gallery: trash', '/gallery?trashed=true', 'h2'),
  at('gallery: nothing matches', '/gallery?q=zzzz&favourite=true', 'h2'),
  at('gallery: picture that is gone', `/gallery?view=img_${'0'.repeat(32)}`, 'dialog[open] h2'),
];

const BATCHES: readonly Screen[] = [
  at('batches', '/batches', 'main li'),
  {
    name: 'new batch: lines, one wrong',
    async show(page, world) {
      await page.goto(`${world.baseUrl}/batches/new`);
      await page.locator('textarea').fill(`a fox\n${'x'.repeat(8001)}`);
      await page.locator('[data-row-errors]').waitFor();
    },
  },
  {
    name: 'new batch: combinations',
    async show(page) {
      await page.locator('input[type=radio][value=matrix]').check();
      // Not into the field of the lines, nor is what was wrong with them taken for the word on this.
      await page.locator('[data-row-errors]').waitFor({ state: 'detached' });
      await page.locator('textarea').fill('a lighthouse at dusk\na glass bridge in the fog');
      await page.locator('section[aria-busy=false] [data-totals]').waitFor();
    },
  },
  {
    name: 'new batch: file, none yet',
    async show(page) {
      await page.locator('input[type=radio][value=file]').check();
      await page.locator('input[type=file]').waitFor({ state: 'attached' });
    },
  },
  {
    name: 'new batch: file',
    async show(page) {
      await page.locator('input[type=file]').setInputFiles({
        name: 'products.csv',
        mimeType: 'text/csv',
        buffer: Buffer.from('提示词;数量;货号\r\n青瓷茶壶，棚拍光;2;A-17\r\n漆器食盒;1;A-18\r\n'),
      });
      await page.locator('fieldset select').first().waitFor();
    },
  },
  {
    name: 'batch: failed item',
    async show(page, world) {
      await page.goto(`${world.baseUrl}/batches/${world.batchId}?item=4`);
      await page.locator('.cell-grid').waitFor();
      await dialog(page).locator('.button-lamp').waitFor();
    },
  },
  {
    name: 'batch',
    async show(page) {
      await closeDialog(page);
      await page.locator('.cell-grid').focus();
      await page.keyboard.press('Space');
      await page.locator('.batch-selection').waitFor();
    },
  },
];

const STORIES: readonly Screen[] = [
  at('stories', '/stories', 'main li'),
  at('new story', '/stories/new', 'main textarea'),
  {
    name: 'story: its outline',
    async show(page, world) {
      await page.goto(`${world.baseUrl}/stories/${world.unbegunStoryId}`);
      await page.locator('main textarea, main input').first().waitFor();
    },
  },
  {
    name: 'story: reading',
    async show(page, { baseUrl, story }) {
      await openReader(page, baseUrl, story.id, story.first.id);
    },
  },
];

const ACCOUNT: readonly Screen[] = [
  at('account', '/account', '#current-password'),
  at('account: keys', '/account/keys', 'main li'),
  {
    name: 'account: revoke a key',
    async show(page, _world, say) {
      await named(page, say('apiKeys.revoke.name', { name: 'Night job' })).click();
      await dialog(page).waitFor();
    },
  },
  {
    name: 'account: new key',
    async show(page) {
      await closeDialog(page);
      await page.locator('main .button-lamp').first().click();
      await page.locator('#key-name').fill('A second one');
    },
  },
  {
    name: 'account: key made',
    async show(page) {
      await page.locator('#key-name').press('Enter');
      await page.locator('dialog input[readonly]').waitFor();
    },
  },
  at('account: credits', '/account/credits', 'main li time'),
  {
    name: 'account: task of a charge',
    async show(page, _world, say) {
      await named(page, say('credits.task')).click();
      await dialog(page).locator('img, p').first().waitFor();
    },
  },
  at('account: links', '/account/links', 'main li img'),
  at('settings', '/settings', 'main details'),
  at('another server, signed in', '/settings/server', '#server-address'),
];

const ADMIN: readonly Screen[] = [
  ...ADMIN_ROOMS.map(([name, path, ready]) => at(`admin: ${name}`, path, ready)),
  {
    name: 'admin: job',
    async show(page, world) {
      await page.goto(`${world.baseUrl}/admin/jobs/${world.failedTaskId}`);
      await page.locator('main svg[role=img]').first().waitFor();
    },
  },
  {
    name: 'admin: account',
    async show(page, world) {
      await page.goto(`${world.baseUrl}/admin/accounts/${world.accountId}`);
      await page.locator('main .admin-row').first().waitFor();
    },
  },
  {
    name: 'admin: change credits',
    async show(page, _world, say) {
      await named(page, say('credits.change')).click();
      await dialog(page).locator('input').first().waitFor();
    },
  },
  {
    name: 'admin: invite',
    async show(page, world, say) {
      await page.goto(`${world.baseUrl}/admin/people`);
      await named(page, say('invite.title')).click();
      await dialog(page).locator('select').waitFor();
    },
  },
  {
    name: 'admin: drain a provider',
    async show(page, world, say) {
      await page.goto(`${world.baseUrl}/admin/providers/sandbox`);
      await named(page, say('provider.drain')).click();
      await dialog(page).waitFor();
    },
  },
  {
    name: 'admin: new style',
    async show(page, world, say) {
      await page.goto(`${world.baseUrl}/admin/styles`);
      await named(page, say('style.new')).click();
      await dialog(page).locator('input').first().waitFor();
    },
  },
];

/** What a person with every right sees. */
export const MEMBER_SCREENS: readonly Screen[] = [
  ...STUDIO,
  ...GALLERY,
  ...BATCHES,
  ...STORIES,
  ...ACCOUNT,
  ...ADMIN,
  ...ERRORS,
];

/** Shows one screen after the other and calls `look` on each; a step that fails says at which screen. */
export async function walk(
  walker: Walker,
  screens: readonly Screen[],
  look: (name: string) => Promise<void>,
): Promise<void> {
  for (const { name, show } of screens) {
    try {
      await show(walker.page, walker.world, walker.say);
    } catch (error) {
      throw new Error(`The screen “${name}” does not come up`, { cause: error });
    }
    await look(name);
  }
}
