// Traces through the whole program against a small OTLP/HTTP receiver.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { startTestApp } from '../../test/harness/app.ts';
import { until } from '../../test/harness/clock.ts';

interface SentSpan {
  name: string;
  spanId: string;
  parentSpanId?: string;
  attributes: { key: string; value: Record<string, unknown> }[];
}
interface Sent {
  resourceSpans: {
    resource: { attributes: SentSpan['attributes'] };
    scopeSpans: { spans: SentSpan[] }[];
  }[];
}

test('a request, a task, its wait, its attempt and the saving of its picture arrive at a collector, and belong together', async () => {
  const sent: Sent[] = [];
  const collector = createServer(async (request, response) => {
    let text = '';
    for await (const piece of request.setEncoding('utf8')) text += piece;
    if (request.url === '/v1/traces') sent.push(JSON.parse(text));
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
  });
  await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
  const { port } = collector.address() as AddressInfo;
  // The library reads the standard names itself, from the process.
  process.env.OTEL_EXPORTER_OTLP_ENDPOINT = `http://127.0.0.1:${port}`;
  process.env.OTEL_RESOURCE_ATTRIBUTES = 'deployment.environment.name=a-test';
  try {
    const app = await startTestApp({ sandbox: { instantPicture: true } });
    const body = { prompt: 'a bridge', size: '256x256' };
    const { json } = await app.request('POST', '/v1/tasks', body, { prefer: 'wait=30' });
    assert.equal(json.status, 'succeeded');
    await app.close();
    const spans = () =>
      sent.flatMap(({ resourceSpans }) =>
        resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans)),
      );
    const find = (name: string) => spans().find((span) => span.name === name);
    const task = await until(() => find('task'), { what: 'the span of the task' });
    const idOf = ({ attributes }: SentSpan) =>
      attributes.find(({ key }) => key === 'drawbridge.task.id')?.value.stringValue;
    assert.equal(idOf(task), json.id);
    const attempt = find('attempt');
    assert.equal(attempt?.parentSpanId, task.spanId);
    assert.equal(find('save')?.parentSpanId, attempt?.spanId);
    assert.equal(find('wait')?.parentSpanId, task.spanId);
    assert.ok(
      find('POST /v1/tasks'),
      spans()
        .map(({ name }) => name)
        .join(),
    );
    const resource = JSON.stringify(sent[0]?.resourceSpans[0]?.resource);
    assert.match(resource, /"drawbridge"/);
    assert.match(resource, /a-test/);
    assert.doesNotMatch(JSON.stringify(sent), /a bridge/, 'no prompt leaves the server');
  } finally {
    delete process.env.OTEL_EXPORTER_OTLP_ENDPOINT;
    delete process.env.OTEL_RESOURCE_ATTRIBUTES;
    collector.close();
  }
});
