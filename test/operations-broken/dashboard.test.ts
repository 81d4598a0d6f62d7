// The Grafana file asks for numbers that this server has.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { startTestApp } from '../harness/app.ts';

const FILE = join(import.meta.dirname, '../../deploy/grafana-dashboard.json');

test('every number of the dashboard is on the page for Prometheus', async () => {
  const { panels } = JSON.parse(readFileSync(FILE, 'utf8')) as { panels: { targets: { expr: string }[] }[] };
  const asked = panels.flatMap(({ targets }) =>
    targets.flatMap(({ expr }) => expr.match(/\b(?:drawbridge|process)_[a-z_]+/g) ?? []),
  );
  const app = await startTestApp();
  try {
    const { text } = await app.request('GET', '/metrics');
    assert.ok(asked.length > panels.length - 1);
    for (const name of new Set(asked)) {
      const family = name.replace(/_bucket$/, '');
      assert.match(text, new RegExp(`^# TYPE ${family} `, 'm'), `${name} is not there`);
    }
  } finally {
    await app.close();
  }
});
