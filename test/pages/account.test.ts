// Signing in every way there is, and the account's pages, in a real browser on the real program.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { type FakeOidc, startFakeOidc } from '../harness/fake-oidc.ts';
import {
  type AccountServer,
  openVisitor,
  PASSWORD,
  signInAs,
  startAccountServer,
} from './screens-account.ts';
import {
  accessibilityViolations,
  launchBrowser,
  openMenu,
  pageTestsSkipped,
  untilInPage,
} from './studio-browser.ts';

/** Writes by an input method and confirms with Enter, as browsers do it; the form around it must not be sent. */
async function composeIn(page: Page, selector: string): Promise<void> {
  await page.locator(selector).focus();
  const session = await page.context().newCDPSession(page);
  await session.send('Input.imeSetComposition', { text: 'ni', selectionStart: 2, selectionEnd: 2 });
  await session.send('Input.dispatchKeyEvent', {
    type: 'rawKeyDown',
    key: 'Enter',
    code: 'Enter',
    windowsVirtualKeyCode: 229,
  });
  await session.send('Input.insertText', { text: '你' });
  await session.send('Input.dispatchKeyEvent', {
    type: 'keyUp',
    key: 'Enter',
    code: 'Enter',
    windowsVirtualKeyCode: 13,
  });
  // Safari sends the Enter that ends the composition as a plain one, told apart by its code only.
  const isRefused = await page.evaluate<boolean>(
    `!document.activeElement.dispatchEvent(
      new KeyboardEvent('keydown', { key: 'Enter', keyCode: 229, bubbles: true, cancelable: true }))`,
  );
  assert.ok(isRefused, selector);
}

describe('signing in and the account', { skip: pageTestsSkipped }, () => {
  let server: AccountServer;
  let oidc: FakeOidc;
  let browser: Browser;
  before(async () => {
    oidc = await startFakeOidc();
    [server, browser] = await Promise.all([
      startAccountServer({
        DRAWBRIDGE_ACCOUNTS_OPEN_REGISTRATION: 'true',
        DRAWBRIDGE_CREDITS_PRICES: 'sandbox=1',
        DRAWBRIDGE_OIDC_ISSUER: oidc.issuer,
        DRAWBRIDGE_OIDC_CLIENT_ID: oidc.clientId,
        DRAWBRIDGE_OIDC_CLIENT_SECRET: oidc.clientSecret,
        DRAWBRIDGE_OIDC_NAME: 'Example',
        DRAWBRIDGE_OIDC_AUTO_REGISTER: 'true',
      }),
      launchBrowser(),
    ]);
  });
  after(async () => {
    await browser?.close();
    await server?.close();
    await oidc?.close();
  });

  test('the set-up link asks how to come back, and then login and password do, by keyboard alone', async () => {
    const { page, assertClean, close } = await openVisitor(browser, server);
    await page.goto(server.setUpUrl);
    await page.locator('#prompt').waitFor();
    const choose = page.getByRole('button', { name: 'Choose', exact: true });
    await choose.waitFor();
    assert.deepEqual(await accessibilityViolations(page), []);
    await choose.press('Enter');
    await page.locator('dialog[open] #username').waitFor();
    assert.deepEqual(await accessibilityViolations(page), []);
    await page.locator('#username').fill('keeper');
    await page.locator('#new-password').fill('short');
    await page.keyboard.press('Enter');
    await page.getByText('5 more characters are needed.').waitFor();
    await page.locator('#new-password').fill('1234567890');
    await page.keyboard.press('Enter');
    await page.getByText('This password is not taken').waitFor();
    await page.locator('#new-password').fill(PASSWORD);
    await page.keyboard.press('Enter');
    await page.getByText('From now on you sign in as keeper.').waitFor();
    await choose.waitFor({ state: 'detached' });

    await page.fill('#prompt', 'a draft that stays');
    await openMenu(page);
    await page.getByRole('button', { name: 'Sign out' }).press('Enter');
    await page.locator('#login').waitFor();
    assert.equal(await page.getByText('You were signed out').count(), 0);
    await untilInPage(page, `document.activeElement.id === 'login'`);
    await page.keyboard.type('Keeper');
    await page.keyboard.press('Tab');
    await page.keyboard.type(PASSWORD);
    await page.keyboard.press('Enter');
    await page.locator('#prompt').waitFor();
    await untilInPage(page, `document.querySelector('#prompt').value === 'a draft that stays'`);
    assertClean();
    await close();
  });

  test('a session that ends leads back to the same place, with the draft', async () => {
    const login = await server.addMember();
    const { page, assertClean, close } = await openVisitor(browser, server);
    await signInAs(page, server.baseUrl, login);
    await page.fill('#prompt', 'half a thought');
    await page.goto(`${server.baseUrl}/gallery?q=heron`);
    await page.getByRole('heading', { name: 'Gallery' }).waitFor();
    await page.context().clearCookies();
    await page.goto(`${server.baseUrl}/gallery?q=heron`);
    await page.getByText('You were signed out.').waitFor();
    await page.locator('#login').fill(login);
    await page.locator('#password').fill(PASSWORD);
    await page.locator('#password').press('Enter');
    await page.getByRole('heading', { name: 'Gallery' }).waitFor();
    assert.equal(new URL(page.url()).search, '?q=heron');
    await page.goto(server.baseUrl);
    await page.locator('#prompt').waitFor();
    await untilInPage(page, `document.querySelector('#prompt').value === 'half a thought'`);
    assertClean();
    await close();
  });

  test('a wrong password is explained in both languages, and too many tries show the wait', async () => {
    for (const [locale, wrong] of [
      ['en-US', 'Login and password do not match'],
      ['zh-CN', '登录名与密码不符'],
    ] as const) {
      const { page, close } = await openVisitor(browser, server, { locale });
      await page.goto(`${server.baseUrl}/sign-in`);
      await page.locator('#login').fill(`nobody-${locale}`);
      await page.locator('#password').fill('not the password');
      await page.locator('#password').press('Enter');
      await page.getByText(wrong).waitFor();
      await close();
    }
    const { page, close } = await openVisitor(browser, server);
    await page.goto(`${server.baseUrl}/sign-in`);
    const statuses = await page.evaluate<number[]>(`Promise.all(Array.from({ length: 11 }, () =>
      fetch('/v1/auth/session', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ login: 'guessed', password: 'not the password' }),
      }).then(({ status }) => status)))`);
    assert.ok(statuses.includes(429), String(statuses));
    await page.locator('#login').fill('guessed');
    await page.locator('#password').fill('not the password');
    await page.locator('#password').press('Enter');
    await page.getByText('Too many tries').waitFor();
    await page.getByRole('button', { name: /^Next try in \d/ }).waitFor();
    await close();
  });

  test('an API key is folded away and signs in, a wrong one is explained', async () => {
    const { page, assertClean, close } = await openVisitor(browser, server);
    await page.goto(`${server.baseUrl}/sign-in`);
    await page.locator('#login').waitFor();
    assert.equal(await page.locator('#api-key').isVisible(), false);
    await page.getByText('Sign in with an API key').click();
    await page.locator('#api-key').fill('dbk_wrong');
    await page.keyboard.press('Enter');
    await page.getByText('This key is not accepted').waitFor();
    await page.locator('#api-key').fill(server.apiKey);
    await page.keyboard.press('Enter');
    await page.locator('#prompt').waitFor();
    assertClean();
    await close();
  });

  test('registration, an invitation and a reset link each end in the Studio; used links say so', async () => {
    const first = await openVisitor(browser, server);
    await first.page.goto(`${server.baseUrl}/sign-in`);
    await first.page.getByRole('button', { name: 'New here? Open an account' }).click();
    await first.page.locator('#username').fill('小白鹭');
    await first.page.locator('#new-password').fill(PASSWORD);
    await first.page.keyboard.press('Enter');
    await first.page.locator('#prompt').waitFor();
    first.assertClean();
    await first.close();

    const { url } = await server.call('POST', '/v1/admin/invitations', { email: 'kai@example.com' });
    const invited = await openVisitor(browser, server);
    await invited.page.goto(String(url));
    await invited.page.getByText('It is for kai@example.com.').waitFor();
    await invited.page.waitForURL((url) => !url.href.includes('token'));
    await invited.page.locator('#new-password').fill(PASSWORD);
    await invited.page.keyboard.press('Enter');
    await invited.page.locator('#prompt').waitFor();
    await invited.page.context().clearCookies();
    await invited.page.goto(String(url));
    await invited.page.getByText('This invitation does not work any more').waitFor();
    assert.deepEqual(await accessibilityViolations(invited.page), []);

    const users = (await server.call('GET', '/v1/admin/users?limit=50')).data as {
      id: string;
      email: string | null;
    }[];
    const kai = users.find(({ email }) => email === 'kai@example.com');
    const reset = await server.call('POST', `/v1/admin/users/${kai?.id}/reset-link`);
    await invited.page.goto(String(reset.url));
    await invited.page.locator('#new-password').fill(`${PASSWORD} again`);
    await invited.page.keyboard.press('Enter');
    await invited.page.locator('#prompt').waitFor();
    await invited.page.goto('about:blank');
    await invited.page.goto(String(reset.url));
    await invited.page.locator('#new-password').fill(`${PASSWORD} again`);
    await invited.page.keyboard.press('Enter');
    await invited.page.getByText('This link does not work any more').waitFor();
    await invited.close();
  });

  test('signing in elsewhere comes back to the place that was wanted, and its failures are explained', async () => {
    const { page, close } = await openVisitor(browser, server);
    // The other service, as far as a browser sees it: it sends back at once.
    await page.route('**/v1/auth/oidc/start?*', async (route) => {
      const started = await route.fetch({ maxRedirects: 0 });
      const headers = started.headers();
      await route.fulfill({
        status: 302,
        headers: { ...headers, location: oidc.visit(headers.location ?? '').href },
      });
    });
    await page.goto(`${server.baseUrl}/account/credits`);
    await page.getByRole('link', { name: 'Sign in with Example' }).click();
    await page.getByRole('heading', { name: 'Credits', exact: true }).waitFor();
    await page.goto(`${server.baseUrl}/account`);
    await page.getByText('Other ways to sign in').waitFor();
    for (const code of ['oidc_stale', 'oidc_unknown', 'disabled']) {
      await page.goto('about:blank');
      await page.goto(`${server.baseUrl}/sign-in#error=${code}`);
      await page.getByRole('alert').getByText('What to do').waitFor();
      await page.waitForURL((url) => !url.href.includes('error'));
    }
    await close();
  });

  test('profile and password are changed, the wrong current password is told at its field', async () => {
    const login = await server.addMember();
    const { page, assertClean, close } = await openVisitor(browser, server);
    await signInAs(page, server.baseUrl, login);
    await openMenu(page);
    await page.getByRole('link', { name: 'Account' }).click();
    await page.getByLabel('Name', { exact: true }).fill('Heron in the reeds');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('heading', { name: 'Heron in the reeds' }).waitFor();
    await page.locator('#current-password').fill('not this one');
    await page.locator('#new-password').fill(`${PASSWORD} long`);
    await page.keyboard.press('Enter');
    await page.getByText('This is not your current password.').waitFor();
    assert.deepEqual(await accessibilityViolations(page), []);
    await page.locator('#current-password').fill(PASSWORD);
    await page.keyboard.press('Enter');
    await page.getByText('The new password holds.').waitFor();
    assertClean();
    await close();
  });

  test('sessions are listed and ended, one or all others', async () => {
    const login = await server.addMember();
    const others = await Promise.all([0, 1, 2].map(() => openVisitor(browser, server)));
    for (const { page } of others) await signInAs(page, server.baseUrl, login);
    const { page, assertClean, close } = await openVisitor(browser, server);
    await signInAs(page, server.baseUrl, login);
    await page.goto(`${server.baseUrl}/account`);
    const end = page.getByRole('button', { name: 'Sign out Chrome on Linux' });
    await end.nth(2).waitFor();
    assert.equal(await end.count(), 3);
    await end.first().press('Enter');
    await untilInPage(
      page,
      `document.querySelectorAll('button[aria-label^="Sign out Chrome"]').length === 2`,
    );
    await page.getByRole('button', { name: 'Sign out everywhere else' }).press('Enter');
    await end.first().waitFor({ state: 'detached' });
    await others[0]?.page.goto(`${server.baseUrl}/account`);
    await others[0]?.page.locator('#login').waitFor();
    assertClean();
    await close();
    for (const other of others) await other.close();
  });

  test('a key is made with chosen rights, shown once, and revoked after being asked', async () => {
    const login = await server.addMember();
    const { page, assertClean, close } = await openVisitor(browser, server);
    await signInAs(page, server.baseUrl, login);
    await page.goto(`${server.baseUrl}/account/keys`);
    await page.getByText('No keys yet').waitFor();
    await page.getByRole('button', { name: 'New key' }).press('Enter');
    await untilInPage(page, `document.activeElement.id === 'key-name'`);
    await page.keyboard.press('Enter');
    await page.getByText('Give it a name').waitFor();
    assert.deepEqual(await accessibilityViolations(page), []);
    await page.locator('#key-name').fill('Night job');
    await page.getByLabel('Upload, change and delete pictures').uncheck();
    await page.locator('#key-name').press('Enter');
    const secret = page.getByLabel('Your new key', { exact: true }).locator('input');
    await secret.waitFor();
    const key = await secret.inputValue();
    await Promise.all([
      page.getByRole('button', { name: 'Copied' }).waitFor(),
      page.getByRole('button', { name: 'Copy the key' }).press('Enter'),
    ]);
    const use = () => fetch(`${server.baseUrl}/v1/keys`, { headers: { authorization: `Bearer ${key}` } });
    const listed = (await (await use()).json()) as { data: { scopes: string[] }[] };
    assert.ok(listed.data[0] && !listed.data[0].scopes.includes('images:write'));
    await page.keyboard.press('Escape');
    await page.locator('dialog[open]').waitFor({ state: 'detached' });
    await page.getByText('Night job').waitFor();
    assert.ok(!(await page.content()).includes(key));
    await page.getByRole('button', { name: 'Revoke Night job' }).press('Enter');
    await page.getByRole('button', { name: 'Cancel' }).press('Enter');
    await page.locator('dialog[open]').waitFor({ state: 'detached' });
    assert.equal((await use()).status, 200);
    await page.getByRole('button', { name: 'Revoke Night job' }).press('Enter');
    await page.getByRole('button', { name: 'Revoke the key' }).press('Enter');
    await page.getByText('No keys yet').waitFor();
    assert.equal((await use()).status, 401);
    assertClean();
    await close();
  });

  test('credits show balance, limits and every movement, page by page, with its task and picture', async () => {
    const login = await server.addMember();
    const { page, assertClean, close } = await openVisitor(browser, server);
    await signInAs(page, server.baseUrl, login);
    const accountId = await page.evaluate<string>(
      `fetch('/v1/account').then((answer) => answer.json()).then(({ account }) => account.id)`,
    );
    await server.call('PUT', '/v1/admin/credits/limits', {
      account_id: accountId,
      daily_credits: 8,
      monthly_credits: null,
    });
    for (let grant = 1; grant <= 32; grant += 1)
      await server.call('POST', '/v1/admin/credits/grants', {
        account_id: accountId,
        credits: 1,
        reason: `grant ${grant}`,
      });
    await page.fill('#prompt', 'a heron at dawn');
    await page.locator('#prompt').press('Control+Enter');
    await page.locator('[data-image] img').first().waitFor();
    await page.goto(`${server.baseUrl}/account/credits`);
    await page.getByText('grant 32', { exact: true }).waitFor();
    await page.getByText('Charged for a task').first().waitFor();
    await page.getByText(/ of 8$/).waitFor();
    await page.getByText(/, no limit$/).waitFor();
    assert.equal(await page.getByText('grant 1', { exact: true }).count(), 0);
    await page.getByRole('button', { name: 'Show more' }).press('Enter');
    await page.getByText('grant 1', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Its task' }).first().press('Enter');
    const picture = page.getByRole('img', { name: 'Picture 1, in the gallery' });
    await picture.waitFor();
    await picture.click();
    await page.waitForURL(/\/gallery\?view=img_/);
    assertClean();
    await close();
  });

  test('an Enter that ends a composition sends no form', async () => {
    const login = await server.addMember();
    const { page, close } = await openVisitor(browser, server, { locale: 'zh-CN' });
    const posts: string[] = [];
    page.on('request', (request) => {
      if (request.method() !== 'GET') posts.push(request.url());
    });
    await page.goto(`${server.baseUrl}/sign-in`);
    for (const selector of ['#login', '#password']) await composeIn(page, selector);
    await page.locator('summary', { hasText: 'API' }).click();
    await composeIn(page, '#api-key');
    await page.getByRole('button', { name: '第一次来？注册账户' }).click();
    for (const selector of ['#username', '#new-password']) await composeIn(page, selector);
    await page.goto(`${server.baseUrl}/settings/server`);
    for (const selector of ['#server-address', '#server-key']) await composeIn(page, selector);
    assert.equal(await page.locator('[data-step]').count(), 0);
    await signInAs(page, server.baseUrl, login);
    posts.length = 0;
    await page.goto(`${server.baseUrl}/account`);
    await page.locator('#current-password').waitFor();
    for (const selector of ['main form input[autocomplete=name]', '#current-password', '#new-password'])
      await composeIn(page, selector);
    await page.goto(`${server.baseUrl}/account/keys`);
    await page.getByRole('button', { name: '新建密钥' }).click();
    await composeIn(page, '#key-name');
    assert.deepEqual(
      posts.filter((url) => /\/v1\/(?:auth|account|keys)/.test(url)),
      [],
    );

    // The same page on a phone, with a key: what a button says stays on one line.
    await page.setViewportSize({ width: 390, height: 844 });
    await page.locator('#key-name').fill('夜间任务');
    await page.locator('#key-name').press('Enter');
    await page.locator('li', { hasText: '夜间任务' }).waitFor();
    const lines = await page.evaluate(`(() => {
      const label = document.createRange();
      label.selectNodeContents(document.querySelector('main li button'));
      return label.getClientRects().length;
    })()`);
    assert.equal(lines, 1);
    await close();
  });
});
