// The nginx site of this server. The application decides about every picture (who may see it, which bytes, which headers)
// and nginx sends it from the store's own folder (X-Accel-Redirect); without that setting the application sends it, through
// the same addresses. Nothing that the application answers is rewritten.
import { AppError } from '../kernel/errors.ts';
import { SENDFILE_TYPE } from '../kernel/send-file.ts';
import { type ProxySite, unwritable } from './proxy-site.ts';

/** Silence on a stream is at most 15 s (its heartbeat), and on a held answer 60 s. */
const READ_TIMEOUT_S = 120;
/** A client that has not sent its headers by then has none to send. */
const HEADER_TIMEOUT_S = 15;
/** The longest gap within a body, and within what a client takes. */
const BODY_TIMEOUT_S = 60;
const KEEP_ALIVE_S = 65;
const UPSTREAM_CONNECTIONS = 32;
/** Headers of a picture that the application has decided on; nginx would drop them with the application's answer. */
const PICTURE_HEADERS: readonly (readonly [name: string, variable: string])[] = [
  ['ETag', 'etag'],
  ['X-Request-Id', 'x_request_id'],
  ['X-Content-Type-Options', 'x_content_type_options'],
  ['Content-Security-Policy', 'content_security_policy'],
  ['Cross-Origin-Resource-Policy', 'cross_origin_resource_policy'],
  ['Cross-Origin-Opener-Policy', 'cross_origin_opener_policy'],
  ['Referrer-Policy', 'referrer_policy'],
  ['Strict-Transport-Security', 'strict_transport_security'],
  ['Access-Control-Allow-Origin', 'access_control_allow_origin'],
  ['Access-Control-Expose-Headers', 'access_control_expose_headers'],
];

const DOWN = {
  title: 'Drawbridge does not answer',
  status: 503,
  detail: 'The proxy is there, the server behind it is not. Tasks that were accepted go on when it is back.',
  retryable: true,
};
const TOO_LARGE = {
  title: 'The request is too large',
  status: 413,
  code: 'payload_too_large',
  retryable: false,
};

/** The text of a site file. Throws `validation_failed` for a folder or name that nginx could not read. */
export function nginxSite(site: ProxySite): string {
  for (const value of [site.mediaRoot, site.prefix, site.certificate, site.certificateKey, site.upstream]) {
    if (!unwritable(value)) continue;
    throw new AppError('validation_failed', {
      detail: `nginx cannot read this in its file: ${JSON.stringify(value)}`,
    });
  }
  return [...heading(site), '', ...upstream(site), '', ...redirect(site), ...server(site), ''].join('\n');
}

function heading({ isAccelOn, accelLocation }: ProxySite): string[] {
  return [
    '# Drawbridge behind nginx, printed by: drawbridge nginx-config',
    '#',
    '# 1. Save it as /etc/nginx/conf.d/drawbridge.conf (or in sites-available, linked from sites-enabled).',
    "# 2. nginx must be allowed to read the pictures: usermod -aG drawbridge www-data (the service's group, nginx's user).",
    '# 3. nginx -t && systemctl reload nginx',
    '#',
    '# For many visitors, in nginx.conf: events { worker_connections 4096; }',
    ...(isAccelOn
      ? []
      : [
          '#',
          `# The application sends pictures itself until it has DRAWBRIDGE_MEDIA_ACCEL_REDIRECT=${accelLocation}/`,
          '# (set it when all requests come through this file; then nginx sends them).',
        ]),
  ];
}

function upstream({ upstream }: ProxySite): string[] {
  return ['upstream drawbridge {', `    server ${upstream};`, `    keepalive ${UPSTREAM_CONNECTIONS};`, '}'];
}

/** An https site answers on port 80 too: certificates are renewed there, and everybody else is sent on. */
function redirect({ isHttps, host, listen }: ProxySite): string[] {
  if (!isHttps) return [];
  const port = listen === 443 ? '' : `:${listen}`;
  return [
    'server {',
    '    listen 80;',
    '    # listen [::]:80;',
    `    server_name ${host};`,
    '    location ^~ /.well-known/acme-challenge/ { root /var/www/html; }',
    `    location / { return 301 https://${host}${port}$request_uri; }`,
    '}',
    '',
  ];
}

function server(site: ProxySite): string[] {
  const { isHttps, host, listen, prefix, maxBodyMb } = site;
  return [
    'server {',
    `    listen ${listen}${isHttps ? ' ssl http2' : ''};`,
    `    # listen [::]:${listen}${isHttps ? ' ssl http2' : ''};`,
    `    server_name ${host ?? '_'};`,
    '    server_tokens off;',
    ...(isHttps ? tls(site) : []),
    '',
    '    # The largest request of the API; nginx would stop at 1 MB.',
    `    client_max_body_size ${maxBodyMb}m;`,
    `    client_header_timeout ${HEADER_TIMEOUT_S}s;`,
    `    client_body_timeout ${BODY_TIMEOUT_S}s;`,
    `    send_timeout ${BODY_TIMEOUT_S}s;`,
    `    keepalive_timeout ${KEEP_ALIVE_S}s;`,
    '    large_client_header_buffers 4 16k;',
    '    reset_timedout_connection on;',
    '',
    '    # Programs read these answers: they get JSON instead of a page when the application is not there.',
    '    error_page 502 504 =503 @drawbridge_down;',
    '    error_page 413 @drawbridge_too_large;',
    '    location @drawbridge_down {',
    '        default_type application/problem+json;',
    '        add_header Retry-After 5 always;',
    '        add_header Cache-Control no-store always;',
    `        return 503 '${JSON.stringify({ type: 'about:blank', ...DOWN })}';`,
    '    }',
    '    location @drawbridge_too_large {',
    '        default_type application/problem+json;',
    `        return 413 '${JSON.stringify({ type: 'about:blank', ...TOO_LARGE, detail: `More than ${maxBodyMb} MB.` })}';`,
    '    }',
    '',
    ...(prefix === '' ? [] : [`    location = ${prefix} { return 308 ${prefix}/$is_args$args; }`]),
    ...application(site),
    '',
    ...pictures(site),
    '}',
  ];
}

function tls({ certificate, certificateKey }: ProxySite): string[] {
  return [
    `    ssl_certificate "${certificate}";`,
    `    ssl_certificate_key "${certificateKey}";`,
    '    ssl_protocols TLSv1.2 TLSv1.3;',
    '    ssl_session_cache shared:drawbridge:10m;',
    '    ssl_session_timeout 1d;',
    '    ssl_session_tickets off;',
  ];
}

/** Everything that is not a file goes to the application; /docs, /openapi.json, /s/ and the older paths included. */
function application({ prefix }: ProxySite): string[] {
  return [
    `    location ${prefix}/ {`,
    '        proxy_pass http://drawbridge;',
    '        proxy_http_version 1.1;',
    '        proxy_set_header Connection "";',
    '        # With the port, since addresses in answers are built from it.',
    '        proxy_set_header Host $http_host;',
    '        # Replaced, not extended: what a visitor claims here is not believed.',
    '        proxy_set_header X-Forwarded-For $remote_addr;',
    '        proxy_set_header X-Forwarded-Proto $scheme;',
    '        proxy_set_header X-Forwarded-Host $http_host;',
    '        # This file can send pictures itself, where the application is told to leave them to it.',
    `        proxy_set_header X-Sendfile-Type ${SENDFILE_TYPE};`,
    '        # A request is never sent twice: the application knows what was begun, nginx does not.',
    '        proxy_next_upstream off;',
    '        proxy_connect_timeout 10s;',
    `        proxy_send_timeout ${READ_TIMEOUT_S}s;`,
    '        # Event streams say themselves that they are not to be buffered (X-Accel-Buffering), and speak every 15 s.',
    `        proxy_read_timeout ${READ_TIMEOUT_S}s;`,
    '    }',
  ];
}

function pictures({ accelLocation, mediaRoot }: ProxySite): string[] {
  const folder = `${mediaRoot.replace(/\/+$/, '')}/`;
  return [
    '    # The folder of the pictures, for the application to point into; nobody reaches it from outside.',
    `    location ^~ ${accelLocation}/ {`,
    '        internal;',
    `        alias "${folder}";`,
    '        sendfile on;',
    '        tcp_nopush on;',
    '        # Names come from the application; links out of the folder are not followed all the same.',
    `        disable_symlinks on from="${folder}";`,
    '        etag off;',
    ...PICTURE_HEADERS.map(([name, variable]) => `        add_header ${name} $upstream_http_${variable};`),
    '    }',
  ];
}
