// The people of the security tests: accounts with keys of exactly the scopes that a test gives them, and things they own.
import assert from 'node:assert/strict';
import sharp from 'sharp';
import { SCOPES, type Scope } from '../../src/kernel/route.ts';
import { startTestApp, type TestApp, type TestAppOptions } from '../harness/app.ts';
import { until } from '../harness/clock.ts';

/** Everything that a member's key may have. */
export const MEMBER_SCOPES = SCOPES.filter((scope) => scope !== 'admin' && scope !== 'accounts:act');

export interface Person {
  accountId: string;
  /** With every scope of a member. */
  key: string;
  keyId: string;
}

/** What an owner has that a stranger must never see. */
export interface Belongings {
  taskId: string;
  imageId: string;
  uploadId: string;
  /** A key that nothing else in the test is called with. */
  spareKeyId: string;
  /** Switched off, with one message that could not be delivered. */
  webhookId: string;
  deliveryId: string;
}

export const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

/** An app whose pictures are made at once. */
export function startFastApp(options: TestAppOptions = {}): Promise<TestApp> {
  return startTestApp({ sandbox: { instantPicture: true }, ...options });
}

/** A key of the account with these scopes. */
export async function createKey(app: TestApp, accountId: string, scopes: readonly Scope[]) {
  const answer = await app.request(
    'POST',
    '/v1/keys',
    { name: 'test', scopes },
    { 'x-account-id': accountId },
  );
  assert.equal(answer.status, 201, answer.text);
  return { key: answer.json.key as string, keyId: answer.json.id as string };
}

export async function openAccount(app: TestApp, name: string): Promise<Person> {
  const answer = await app.request('POST', '/v1/admin/accounts', { name });
  assert.equal(answer.status, 201, answer.text);
  const accountId = answer.json.id as string;
  return { accountId, ...(await createKey(app, accountId, MEMBER_SCOPES)) };
}

let smallPng: Promise<Buffer> | undefined;

export function picture(): Promise<Buffer> {
  smallPng ??= sharp({ create: { width: 64, height: 64, channels: 3, background: '#369' } })
    .png()
    .toBuffer();
  return smallPng;
}

export async function pictureForm(bytes?: Buffer, name = 'a.png', field = 'file'): Promise<FormData> {
  const form = new FormData();
  form.set(field, new Blob([new Uint8Array(bytes ?? (await picture()))], { type: 'image/png' }), name);
  return form;
}

async function giveWebhook(app: TestApp, headers: Record<string, string>) {
  const body = { url: 'https://receiver.invalid/', enabled: false };
  const webhook = await app.request('POST', '/v1/webhooks', body, headers);
  assert.equal(webhook.status, 201, webhook.text);
  const sent = await app.request('POST', `/v1/webhooks/${webhook.json.id}/test`, undefined, headers);
  const path = `/v1/webhooks/deliveries/${sent.json.id}`;
  await until(async () => (await app.request('GET', path, undefined, headers)).json.status === 'dead');
  return { webhookId: webhook.json.id as string, deliveryId: sent.json.id as string };
}

/** A finished task with its picture, an upload, a key, and a webhook with a delivery. */
export async function giveBelongings(app: TestApp, person: Person): Promise<Belongings> {
  const headers = bearer(person.key);
  const task = await app.request(
    'POST',
    '/v1/tasks',
    { prompt: 'a lake', size: '256x256' },
    { ...headers, prefer: 'wait=60' },
  );
  assert.equal(task.json.status, 'succeeded', task.text);
  const upload = await app.request('POST', '/v1/uploads', await pictureForm(), headers);
  assert.equal(upload.status, 201, upload.text);
  const spare = await createKey(app, person.accountId, ['tasks:read']);
  return {
    taskId: task.json.id,
    imageId: task.json.images[0].id,
    uploadId: upload.json.id,
    spareKeyId: spare.keyId,
    ...(await giveWebhook(app, headers)),
  };
}
