// `drawbridge users`, without a server and beside a running one.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { startTestApp } from '../../test/harness/app.ts';
import { BrowserSession } from '../../test/harness/browser-session.ts';
import { runCommand } from '../../test/harness/command-line.ts';

const folder = mkdtempSync(join(tmpdir(), 'drawbridge-users-'));
const env = { DRAWBRIDGE_DATA_DIR: folder, DRAWBRIDGE_PORT: '0' };
after(() => rmSync(folder, { recursive: true, force: true }));

const PASSWORD = 'four words in a row';
const users = (args: string[], input = '') => runCommand(['users', ...args], env, '/', input);

test('Z9 a person added on the machine signs in, before and beside a running server; passwords come by standard input', async () => {
  const added = await users(['add', 'mia', '--role', 'admin'], `${PASSWORD}\n`);
  assert.equal(added.code, 0, added.stderr);
  assert.match(added.stdout, /^usr_[0-9a-f]{32}\n$/);
  const app = await startTestApp({ dataDir: folder });
  try {
    const browser = new BrowserSession(app);
    assert.equal((await browser.signIn('Mia', PASSWORD)).status, 200);
    assert.equal((await browser.request('GET', '/v1/admin/users')).status, 200);
    const [passwd, listed, invited, weak, unknown, none] = await Promise.all([
      users(['passwd', 'mia'], 'and five other words'),
      users(['list', '--json', '--query', 'MIA']),
      users(['invite', '--email', 'li@example.com', '--json']),
      users(['add', 'weak'], 'short'),
      users(['passwd', 'nobody'], PASSWORD),
      users(['add', 'silent']),
    ]);
    assert.equal(passwd.code, 0, passwd.stderr);
    assert.equal(await browser.isSignedIn(), false, 'a new password ends the sessions');
    assert.equal((await browser.signIn('mia', 'and five other words')).status, 200);
    assert.equal(JSON.parse(listed.stdout).data[0].username, 'mia');
    assert.match(JSON.parse(invited.stdout).url, /\/invitation#token=dbi_[\w-]{43}$/);
    assert.match(weak.stderr, /at least 10 characters/);
    assert.notEqual(weak.code, 0);
    assert.match(unknown.stderr, /nobody called "nobody"/);
    assert.match(none.stderr, /Nothing was entered/);
    const open = (await app.request('GET', '/v1/admin/invitations')).json.data.filter(
      ({ status }: { status: string }) => status === 'open',
    );
    assert.equal(open.length, 1, 'only the one that was asked for');
    for (const { stdout, stderr } of [added, passwd, weak])
      assert.doesNotMatch(
        `${stdout}${stderr}`,
        /four words in|five other words|short/,
        'no password is shown',
      );
  } finally {
    await app.close();
  }
});
