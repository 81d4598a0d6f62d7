// Serves the built studio: one page for every client route, its hashed files for ever, under a policy that runs no inline script.
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { AppError } from './kernel/errors.ts';
import { baseUrlOf } from './kernel/http-error.ts';

const DIST = join(dirname(fileURLToPath(import.meta.url)), '..', 'web', 'dist');
/** Callers' paths, the older systems' ones included: what is not there is answered as to a program, never with a page. */
const RESERVED =
  /^\/(v1|api|media|images|status|tasks|health|healthz|readyz|metrics|docs|s|openapi\.json)(\/|$)/;
/** Client routes. */
const PAGES = [
  '/',
  ...['setup', 'sign-in', 'invitation'].map((name) => `/${name}`),
  ...['account', 'settings', 'gallery', 'batches', 'stories', 'admin'].flatMap((name) => [
    `/${name}`,
    `/${name}/*`,
  ]),
];

export interface WebAppOptions {
  publicUrl: string | null;
  /** Origins that pictures and calls may go to besides our own. */
  origins: readonly string[];
  /** The folder of the built studio; without it, the checkout's own. */
  folder?: string | undefined;
}

/** `null` when `npm run build` has not been run: the API works, and the page says what to do. */
async function readPage(folder: string, name: string): Promise<string | null> {
  return readFile(join(folder, name), 'utf8').catch(() => null);
}

const NOT_BUILT = `<!doctype html><meta charset="utf-8"><title>Drawbridge</title>
<h1>The studio is not built yet</h1><p>Run <code>npm ci</code> or <code>npm run build</code> in the checkout, then start again. The API works.</p>`;

function policy(origins: readonly string[]): string {
  const others = origins.length > 0 ? ` ${origins.join(' ')}` : '';
  return [
    "default-src 'none'",
    "script-src 'self'",
    "worker-src 'self'",
    "style-src 'self'",
    `img-src 'self' blob: data:${others}`,
    `connect-src 'self'${others}`,
    "manifest-src 'self'",
    "form-action 'self'",
    "base-uri 'self'",
    "object-src 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}

const escapeAttribute = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;');

/** Registers the studio and the answer for every path that nobody serves. */
export async function registerWebApp(app: FastifyInstance, options: WebAppOptions): Promise<void> {
  const folder = options.folder ?? DIST;
  const index = await readPage(folder, 'index.html');
  // Names the files of its room as well, so that they come beside the common ones.
  const gallery = await readPage(folder, 'gallery.html');
  const csp = policy(options.origins);
  const sendPage = (request: FastifyRequest, reply: FastifyReply, status: number, room?: string | null) => {
    // The page works at every client route; only its base says where the server lives (a path prefix, perhaps).
    const base = new URL(baseUrlOf(request, options.publicUrl)).pathname.replace(/\/$/, '');
    const html = (room ?? index ?? NOT_BUILT).replaceAll('%BASE%', escapeAttribute(base));
    return reply
      .code(status)
      .headers({ 'content-security-policy': csp, 'cache-control': 'no-cache' })
      .type('text/html; charset=utf-8')
      .send(html);
  };
  for (const path of PAGES)
    app.get(path, (request, reply) => sendPage(request, reply, 200, path === '/gallery' ? gallery : null));
  if (index) {
    await app.register(fastifyStatic, {
      root: join(folder, 'assets'),
      prefix: '/assets/',
      decorateReply: false,
      immutable: true,
      // The build leaves each file compressed beside itself: on a slow line the studio is there in half the time.
      preCompressed: true,
      maxAge: '365d',
      setHeaders: (reply) => reply.header('content-security-policy', csp),
    });
  }
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?', 1)[0] ?? '';
    const isForPeople = request.method === 'GET' && (request.headers.accept ?? '').includes('text/html');
    if (isForPeople && !RESERVED.test(path)) return sendPage(request, reply, 404);
    throw new AppError('not_found', {
      detail: `There is no ${request.method} ${request.url.split('?', 1)[0]?.slice(0, 200)}.`,
    });
  });
}
