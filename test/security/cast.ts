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
  /** An action on many pictures, done. */
  galleryActionId: string;
  uploadId: string;
  /** A key that nothing else in the test is called with. */
  spareKeyId: string;
  /** Somebody who shares the account, the invitation they came by, and a browser that a key of the account signed in. */
  userId: string;
  invitationId: string;
  sessionId: string;
  /** Switched off, with one message that could not be delivered. */
  webhookId: string;
  deliveryId: string;
  promptId: string;
  batchId: string;
  storyId: string;
  shareId: string;
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

let addresses = 0;

/** A person of the account, and a session that its key opened. */
async function givePeople(app: TestApp, person: Person) {
  const invitation = await app.request('POST', '/v1/admin/invitations', { account_id: person.accountId });
  assert.equal(invitation.status, 201, invitation.text);
  const accepted = await app.request('POST', '/v1/auth/invitations/accept', {
    token: invitation.json.token,
    username: `friend-of-${person.accountId.slice(-8)}`,
    password: 'four words in a row',
    sign_in: false,
  });
  assert.equal(accepted.status, 200, accepted.text);
  addresses += 1;
  const from = { 'x-forwarded-for': `198.19.0.${addresses}` };
  const signedIn = await app.request('POST', '/v1/auth/session', { api_key: person.key }, from);
  assert.equal(signedIn.status, 200, signedIn.text);
  const sessions = await app.request('GET', '/v1/account/sessions', undefined, bearer(person.key));
  return {
    userId: accepted.json.user.id as string,
    invitationId: invitation.json.id as string,
    sessionId: sessions.json.data[0].id as string,
  };
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
  const image_ids = [task.json.images[0].id];
  const share = await app.request('POST', '/v1/shares', { image_ids }, headers);
  assert.equal(share.status, 201, share.text);
  const wanted = { lines: 'a boat', defaults: { size: '256x256' }, paused: true };
  const batch = await app.request('POST', '/v1/batches', wanted, headers);
  assert.equal(batch.status, 201, batch.text);
  const selection = { ids: image_ids };
  const action = await app.request(
    'POST',
    '/v1/gallery/actions',
    { action: 'favourite', selection },
    headers,
  );
  assert.equal(action.json.touched, 1, action.text);
  const prompts = await app.request('GET', '/v1/prompts', undefined, headers);
  const story = await app.request('POST', '/v1/stories', { idea: 'A fox', pages: 2 }, headers);
  assert.equal(story.status, 202, story.text);
  return {
    storyId: story.json.id,
    taskId: task.json.id,
    imageId: task.json.images[0].id,
    galleryActionId: action.json.id,
    uploadId: upload.json.id,
    spareKeyId: spare.keyId,
    promptId: prompts.json.data[0].id,
    batchId: batch.json.id,
    shareId: share.json.id,
    ...(await givePeople(app, person)),
    ...(await giveWebhook(app, headers)),
  };
}
