// Which web pages of other origins may read answers: those that the operator named, and no other.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startTestApp } from '../harness/app.ts';

const NAMED = 'https://a.example';

test('W4: only a configured origin may read answers', async () => {
  const app = await startTestApp({ env: { DRAWBRIDGE_CORS_ORIGINS: NAMED } });
  try {
    const allowedFor = async (origin: string) => {
      const { headers } = await app.request('GET', '/v1/models', undefined, { origin });
      return headers.get('access-control-allow-origin');
    };
    assert.equal(await allowedFor(NAMED), NAMED);
    assert.equal(await allowedFor('https://b.example'), null);
    assert.equal(await allowedFor('null'), null);
  } finally {
    await app.close();
  }
});
