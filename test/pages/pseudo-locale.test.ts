// Room for longer languages: with every word 40 % longer nothing is cut off and no page scrolls sideways, at 360 px, on every screen.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { cutOff, lengthenMessage, lengthenPage, speakAtLength } from './pseudo-locale.ts';
import { launchBrowser, pageTestsSkipped } from './studio-browser.ts';
import { MEMBER_SCREENS, VISITOR_SCREENS, walk } from './sweep-screens.ts';
import { openWalker, settled, speak, startWorld, type World } from './sweep-world.ts';

const NARROW = { width: 360, height: 780 };

test('texts grow, their arguments do not', () => {
  assert.equal(lengthenMessage('Gallery of {name}'), 'Gallerygal ofo {name}');
  assert.equal(
    lengthenMessage('{n, plural, one {# word} other {{n} words}}'),
    '{n, plural, one {# wordwo} other {{n} wordswo}}',
  );
});

describe('longer texts', { skip: pageTestsSkipped }, () => {
  let world: World;
  let browser: Browser;
  before(async () => {
    [world, browser] = await Promise.all([startWorld(), launchBrowser()]);
  });
  after(async () => {
    await browser?.close();
    await world?.close();
  });

  test('every screen at 360 px with every word 40 % longer: nothing cut off, nothing wider than the screen', async () => {
    const findings: string[] = [];
    const walkAll = async (screens: typeof MEMBER_SCREENS, isSignedIn: boolean) => {
      const walker = await openWalker(browser, world, {
        language: 'en',
        isSignedIn,
        say: speak('en', lengthenMessage),
        viewport: NARROW,
      });
      const { page } = walker;
      await speakAtLength(page);
      await walk(walker, screens, async (name) => {
        // Pages of links are the server's own.
        if (new URL(page.url()).pathname.startsWith('/s/')) await lengthenPage(page);
        // A panel that still slides in would be found beside the screen.
        await settled(page);
        for (const found of await cutOff(page)) findings.push(`${name}: ${found}`);
      });
      // A catalogue that is still on its way must not answer a page that is gone.
      await page.unrouteAll({ behavior: 'ignoreErrors' });
      await walker.close();
    };
    await Promise.all([walkAll(VISITOR_SCREENS, false), walkAll(MEMBER_SCREENS, true)]);
    assert.deepEqual(findings, []);
  });
});
