// Every screen, dialogs and failures included, by axe-core: all rules in both languages and at both widths, the rules of colours in
// the second theme as well (no other rule depends on the theme, and no colour on the language). `node test/pages/sweep.ts --all`
// runs the whole cross product.
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { launchBrowser, pageTestsSkipped } from './studio-browser.ts';
import { type Swept, sweep } from './sweep.ts';
import { startWorld, type World } from './sweep-world.ts';

/** Two widths in both languages, and once more in the second theme. */
const LOOKS_PER_SCREEN = 6;
const WEB = join(import.meta.dirname, '../../web/src');

/** The last parts of the addresses that the studio's routes declare, each as an expression. */
function declaredPaths(): { path: string; pattern: RegExp }[] {
  const files = globSync('**/*routes.ts{,x}', { cwd: WEB });
  const declared = files.flatMap((file) =>
    [...readFileSync(join(WEB, file), 'utf8').matchAll(/\bpath: '([^']+)'/g)].map(([, path = '']) => path),
  );
  return declared.map((path) => ({ path, pattern: new RegExp(`${path.replaceAll(/\$\w+/g, '[^/]+')}$`) }));
}

describe('every screen', { skip: pageTestsSkipped }, () => {
  let world: World;
  let browser: Browser;
  let swept: Swept;
  before(async () => {
    [world, browser] = await Promise.all([startWorld(), launchBrowser()]);
  });
  after(async () => {
    await browser?.close();
    await world?.close();
  });

  test('no violation and no overflow: all rules × languages × widths, colours × themes', async () => {
    swept = await sweep(browser, world);
    assert.deepEqual(swept.findings, []);
    assert.equal(swept.looks, swept.screens.length * LOOKS_PER_SCREEN);
  });

  test('the sweep leaves out no address of the studio', () => {
    const paths = [...(swept?.paths ?? [])];
    const missing = declaredPaths().filter(({ pattern }) => !paths.some((shown) => pattern.test(shown)));
    assert.deepEqual(
      missing.map(({ path }) => path),
      [],
    );
  });
});
