// A good call of every route, generated from its contract where the contract says enough. A new route with a body or an id
// must be added here: the tests that go through all routes fail until it is.
import type { RouteContract } from '../../src/kernel/route.ts';

/** Bodies that pass the schema of their route but do little. */
export const GOOD_BODIES: Record<string, Record<string, unknown>> = {
  'tasks.create': { prompt: 'a lake', size: '256x256' },
  'tasks.quote': { prompt: 'a lake', size: '256x256' },
  'tasks.retry': {},
  'images.upscale': { scale: 2 },
  'images.update': { favourite: true },
  'gallery.act': { action: 'favourite', selection: { ids: [`img_${'0'.repeat(32)}`] } },
  'openai.images.generate': { prompt: 'a lake', size: '256x256' },
  'auth.signIn': { api_key: 'dbk_nobody' },
  'auth.register': { username: 'made-by-a-test', password: 'four words in a row' },
  'auth.checkInvitation': { token: 'dbi_nobody-was-told-this' },
  'auth.acceptInvitation': {
    token: 'dbi_nobody-was-told-this',
    username: 'made-by-a-test',
    password: 'four words in a row',
  },
  'auth.resetPassword': { token: 'dbr_nobody-was-told-this', password: 'four words in a row' },
  'auth.oidcPrepare': { return_to: '/gallery' },
  'account.update': { name: 'named by a test' },
  'account.setPassword': { password: 'four words in a row' },
  'invitations.create': { expires_in_h: 1 },
  'people.update': { name: 'named by a test' },
  'keys.create': { name: 'made by a test', scopes: ['tasks:write'] },
  'accounts.create': { name: 'made by a test' },
  'accounts.update': { name: 'named by a test' },
  'credits.grant': { account_id: `acct_${'0'.repeat(32)}`, credits: 1, reason: 'a test' },
  'credits.refund': { task_id: `task_${'0'.repeat(32)}`, credits: 1, reason: 'a test' },
  'credits.correct': {
    account_id: `acct_${'0'.repeat(32)}`,
    direction: 'add',
    credits: 1,
    reason: 'a test',
  },
  'operations.doctor': {},
  'providers.test': {},
  'watchdog.run': { dry_run: true },
  'credits.setLimits': {
    account_id: `acct_${'0'.repeat(32)}`,
    daily_credits: 5,
    monthly_credits: null,
  },
  'operations.gc': {},
  'accounts.setStorage': { quota_mb: 100 },
  'uploads.presign': { bytes: 100, content_type: 'image/png' },
  'providers.setSecret': { value: 'a-secret-of-a-test', unchecked: true },
  'styles.createCategory': { names: { en: 'Test', zh: '测试' } },
  'styles.updateCategory': { enabled: true },
  'styles.create': {
    category_id: `stylecat_${'0'.repeat(32)}`,
    names: { en: 'Test', zh: '测试' },
    prompt_template: 'a test of {prompt}',
  },
  'styles.update': { enabled: true },
  'styles.order': { categories: [] },
  'styles.setCover': { upload_id: `up_${'0'.repeat(32)}` },
  'styles.setCategoryCover': { upload_id: `up_${'0'.repeat(32)}` },
  'prompts.update': { pinned: true },
  'older.generate': { prompt: 'a lake', size: '256x256' },
  'older.downloadPost': { taskId: `task_${'0'.repeat(32)}` },
  'older.sharePost': { taskId: `task_${'0'.repeat(32)}` },
  'import.check': { kind: 'final', files: [{ name: 'a.png', sha256: '0'.repeat(64) }] },
  'import.tasks': {
    tasks: [
      {
        id: 'made-by-a-test',
        status: 'failed',
        prompt: 'a lake',
        error: null,
        files: [],
        created_at: '2024-01-01T00:00:00Z',
      },
    ],
    dry_run: true,
  },
  'import.accounts': { accounts: [{ id: 'made-by-a-test' }], dry_run: true },
  'batches.create': { lines: 'a lake', defaults: { size: '256x256' } },
  'batches.retryFailed': { cancelled: false },
  'batches.retryItems': { positions: [0] },
  'shares.create': { image_ids: [`img_${'0'.repeat(32)}`] },
  'shares.change': { title: 'made by a test' },
  'sync.record': {
    started_at: '2026-01-31T12:00:00.000Z',
    ended_at: '2026-01-31T12:01:00.000Z',
    ...{ target: 'made-by-a-test', what: 'media', mode: 'full', comparison: 'size_time', dry_run: false },
    ...{
      state: 'done',
      places: [],
      files: 0,
      bytes: 0,
      sent: 0,
      sent_bytes: 0,
      resumed_bytes: 0,
      replaced: 0,
    },
    ...{ kept: {}, failed: {}, failures: [], public_check: null, release: null, error: null },
  },
  'stories.create': { idea: 'A fox and a lighthouse', ahead: 'none', pages: 2 },
  'stories.update': { ahead: 'none' },
  'stories.propose': {},
  'stories.setOutline': { proposal: 0 },
  'stories.choose': { choice: 0 },
  'stories.regenerate': { what: 'text' },
  'webhooks.create': { url: 'https://receiver.invalid/', enabled: false },
  'webhooks.change': { description: 'made by a test' },
  'webhooks.rotateSecret': { overlap_s: 60 },
  'webhooks.rotateDefaultSecret': { overlap_s: 60 },
};

/** What the `:id` of a route names; the first segment of its path after the version that is known here. */
export function idKindOf({ path }: RouteContract): keyof typeof ID_PREFIX | null {
  if (!path.includes(':id')) return null;
  if (path.startsWith('/v1/tasks/') || path.startsWith('/status/')) return 'task';
  if (path.startsWith('/v1/images/')) return 'image';
  if (path.startsWith('/v1/uploads/')) return 'upload';
  if (path.startsWith('/v1/gallery/actions/')) return 'galleryAction';
  if (path.startsWith('/v1/keys/')) return 'key';
  if (path.startsWith('/v1/admin/tasks/')) return 'task';
  if (path.startsWith('/v1/admin/accounts/')) return 'account';
  if (path.startsWith('/v1/admin/users/')) return 'user';
  if (path.startsWith('/v1/admin/invitations/')) return 'invitation';
  if (path.startsWith('/v1/account/sessions/')) return 'session';
  if (path.startsWith('/v1/prompts/')) return 'prompt';
  if (path.startsWith('/v1/admin/styles/')) return 'style';
  if (path.startsWith('/v1/admin/style-categories/')) return 'styleCategory';
  if (path.startsWith('/v1/batches/')) return 'batch';
  if (path.startsWith('/v1/shares/')) return 'share';
  if (path.startsWith('/v1/stories/')) return 'story';
  if (path.startsWith('/v1/webhooks/deliveries/')) return 'delivery';
  if (path.startsWith('/v1/webhooks/')) return 'webhook';
  throw new Error(`${path}: say in test/security/route-calls.ts what its id names`);
}

export const ID_PREFIX = {
  task: 'task',
  image: 'img',
  upload: 'up',
  galleryAction: 'act',
  key: 'key',
  account: 'acct',
  user: 'usr',
  invitation: 'inv',
  session: 'sess',
  batch: 'batch',
  share: 'share',
  story: 'story',
  webhook: 'wh',
  delivery: 'msg',
  prompt: 'prompt',
  style: 'style',
  styleCategory: 'stylecat',
} as const;

/** The path with its parameters filled in. */
export function fillPath({ path }: RouteContract, id: string): string {
  return path
    .replace(':id', encodeURIComponent(id))
    .replace(':provider/:token', 'sandbox/nobody-was-told-this')
    .replace(':name', 'nobody')
    .replace(':page', `page_${'0'.repeat(32)}`)
    .replace(':slug', 'a'.repeat(26))
    .replace('/media/:n', '/media/1')
    .replace(':kind', 'final')
    .replace(':key', `${'a'.repeat(32)}.png`);
}

export function bodyOf(contract: RouteContract): Record<string, unknown> | undefined {
  if (!contract.body) return undefined;
  const body = GOOD_BODIES[contract.id];
  if (!body) throw new Error(`${contract.id}: add a good body to test/security/route-calls.ts`);
  return body;
}

export const isStream = ({ responses }: RouteContract) => responses[200]?.contentType === 'text/event-stream';
