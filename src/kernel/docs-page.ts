// The pages under /docs and /openapi.json: Swagger UI from this machine's own files, and one page of all error codes.
// Nothing here loads from elsewhere or runs inline; the document is built and the files are read when first asked for.
import { createHash } from 'node:crypto';
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';
import { ERROR_CODES, type ErrorCode, errorText, type Language } from './errors.ts';
import { baseUrlOf } from './http-error.ts';
import type { OpenApiDocument } from './openapi.ts';
import { languageOf } from './problem.ts';

export interface DocsOptions {
  /** Builds the document; called once, when it is first asked for. */
  document: () => OpenApiDocument;
  /** `https://host/prefix`, or null to take each request's own address. */
  publicUrl: string | null;
}

/** Swagger UI runs within this: its scripts and styles are files, its icons are data in its style sheet. */
const SWAGGER_CSP = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const ERRORS_STYLE = `
:root { color-scheme: light dark; font: 16px/1.55 system-ui, "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif }
body { max-width: 52rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; color: light-dark(#1d1d1f, #e8e8ea); background: light-dark(#fff, #161618) }
nav { display: flex; gap: 1rem }
a { color: light-dark(#0b57d0, #8ab4f8) }
section { padding: .75rem 1rem; margin: .75rem 0; border: 1px solid light-dark(#ddd, #38383b); border-radius: .5rem }
section:target { border-color: light-dark(#0b57d0, #8ab4f8); border-width: 2px }
h2 { margin: 0; font-size: 1.1rem }
h2 a { color: inherit; text-decoration: none }
code { font-family: ui-monospace, monospace; overflow-wrap: anywhere }
.facts { margin: .1rem 0 .5rem; color: light-dark(#5f5f66, #a3a3aa) }
dl { margin: 0 } dt { font-weight: 600 } dd { margin: 0 0 .4rem }
`;

const ERRORS_WORDS = {
  en: {
    lang: 'en',
    title: 'Drawbridge: errors',
    heading: 'Errors',
    intro: 'Every error answer carries one of these codes, with what happened this time in its detail.',
    api: 'API reference',
    other: '中文',
    cause: 'Why it usually happens',
    fix: 'What to do now',
    retryable: 'the same request may succeed later',
    permanent: 'change the request before sending it again',
  },
  zh: {
    lang: 'zh-CN',
    title: 'Drawbridge：错误说明',
    heading: '错误说明',
    intro: '每个出错的回答都带有下列代码之一，其 detail 字段说明这一次发生了什么。',
    api: 'API 文档',
    other: 'English',
    cause: '常见原因',
    fix: '如何解决',
    retryable: '同样的请求稍后可能成功',
    permanent: '请修改请求后再发送',
  },
} as const satisfies Record<Language, Record<string, string>>;

function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

function errorSection(code: ErrorCode, language: Language): string {
  const words = ERRORS_WORDS[language];
  const text = errorText(code, language);
  const { status, retryable } = ERROR_CODES[code];
  return `<section id="${code}"><h2><a href="#${code}">${escapeHtml(text.title)}</a></h2>
<p class="facts"><code>${code}</code> · HTTP ${status} · ${retryable ? words.retryable : words.permanent}</p>
<dl><dt>${words.cause}</dt><dd>${escapeHtml(text.cause)}</dd><dt>${words.fix}</dt><dd>${escapeHtml(text.fix)}</dd></dl></section>`;
}

/** The page that an error's `type` points into; `docsUrl` is where /docs is, as a browser sees it. */
function errorsPage(language: Language, docsUrl: string): string {
  const words = ERRORS_WORDS[language];
  const otherLanguage = language === 'zh' ? 'en' : 'zh';
  const sections = (Object.keys(ERROR_CODES) as ErrorCode[]).map((code) => errorSection(code, language));
  return `<!DOCTYPE html>
<html lang="${words.lang}"><head><meta charset="utf-8"><title>${words.title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>${ERRORS_STYLE}</style></head>
<body><nav><a href="${escapeHtml(docsUrl)}">${words.api}</a><a href="?lang=${otherLanguage}" hreflang="${ERRORS_WORDS[otherLanguage].lang}">${words.other}</a></nav>
<main><h1>${words.heading}</h1><p>${words.intro}</p>
${sections.join('\n')}
</main></body></html>
`;
}

/** Adds /docs (answered at that very path), /docs/json, /docs/errors and /openapi.json to the server. */
export async function registerDocs(app: FastifyInstance, options: DocsOptions): Promise<void> {
  const prefix = options.publicUrl ? new URL(options.publicUrl).pathname.replace(/\/$/, '') : '';
  let built: OpenApiDocument | null = null;
  const withServer = (url: string): OpenApiDocument => {
    built ??= options.document();
    const { openapi, info, externalDocs, ...rest } = built;
    const docs = { ...externalDocs, url: `${url.replace(/\/$/, '')}/docs/errors` };
    return { openapi, info, servers: [{ url }], externalDocs: docs, ...rest };
  };

  // The plugin asks for a document at once; the real one is put in its place when a request wants it.
  await app.register(swagger, {
    mode: 'static',
    specification: { document: { openapi: '3.1.0', info: { title: 'Drawbridge', version: '' }, paths: {} } },
  });
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    ...(prefix ? { indexPrefix: prefix } : {}),
    staticCSP: SWAGGER_CSP,
    theme: { title: 'Drawbridge API' },
    uiConfig: {
      layout: 'BaseLayout',
      deepLinking: true,
      displayRequestDuration: true,
      docExpansion: 'list',
      filter: true,
    },
    // Relative, so that "Try it out" calls the origin the page came from, which the policy above allows.
    transformSpecification: () => ({ ...withServer(prefix || '/') }),
    transformSpecificationClone: false,
  });
  app.get('/openapi.json', async (request, reply) => {
    return reply
      .type('application/json; charset=utf-8')
      .serializer(JSON.stringify)
      .send(withServer(baseUrlOf(request, options.publicUrl)));
  });
  registerErrorsPage(app, `${prefix}/docs`);
}

function registerErrorsPage(app: FastifyInstance, docsUrl: string): void {
  const styleHash = createHash('sha256').update(ERRORS_STYLE).digest('base64');
  const csp = `default-src 'none'; style-src 'sha256-${styleHash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;
  app.get('/docs/errors', async (request, reply) => {
    const { lang } = request.query as { lang?: unknown };
    const language = lang === 'en' || lang === 'zh' ? lang : languageOf(request.headers['accept-language']);
    return reply
      .header('content-security-policy', csp)
      .header('vary', 'Accept-Language')
      .header('content-language', ERRORS_WORDS[language].lang)
      .type('text/html; charset=utf-8')
      .send(errorsPage(language, docsUrl));
  });
}
