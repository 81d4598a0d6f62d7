// The Caddyfile of this server: the same site as nginx-config.ts writes for nginx, with certificates that Caddy gets itself.
import { AppError } from '../kernel/errors.ts';
import { SENDFILE_TYPE } from '../kernel/send-file.ts';
import { type ProxySite, unwritable } from './proxy-site.ts';

/** Silence on a stream is at most 15 s (its heartbeat), and on a held answer 60 s. */
const READ_TIMEOUT_S = 120;

/** The text of a Caddyfile. Throws `validation_failed` for a folder or name that Caddy could not read. */
export function caddySite(site: ProxySite): string {
  const { host, isHttps, listen, prefix, upstream, maxBodyMb } = site;
  for (const value of [site.mediaRoot, prefix, upstream]) {
    if (!unwritable(value)) continue;
    throw new AppError('validation_failed', {
      detail: `Caddy cannot read this in its file: ${JSON.stringify(value)}`,
    });
  }
  const address = `${isHttps ? 'https' : 'http'}://${host ?? ''}:${listen}`;
  return [
    '# Drawbridge behind Caddy, printed by: drawbridge caddy-config',
    '# Save it as /etc/caddy/Caddyfile (or import it there), then: systemctl reload caddy',
    '# Caddy must be allowed to read the pictures: usermod -aG drawbridge caddy',
    `${address} {`,
    '    request_body {',
    `        max_size ${maxBodyMb}MB`,
    '    }',
    ...(prefix === '' ? [] : [`    redir ${prefix} ${prefix}/ 308`]),
    `    handle ${prefix}/* {`,
    `        reverse_proxy ${upstream} {`,
    '            transport http {',
    `                response_header_timeout ${READ_TIMEOUT_S}s`,
    '                dial_timeout 10s',
    '            }',
    ...pictures(site),
    '        }',
    '    }',
    '}',
    '',
  ].join('\n');
}

/** The application decides about a picture and names its file; Caddy sends it with the application's headers. */
function pictures({ isAccelOn, accelLocation, mediaRoot }: ProxySite): string[] {
  if (!isAccelOn) return [];
  return [
    `            header_up X-Sendfile-Type ${SENDFILE_TYPE}`,
    '            @picture header X-Accel-Redirect *',
    '            handle_response @picture {',
    `                root * "${mediaRoot}"`,
    '                rewrite * {rp.header.X-Accel-Redirect}',
    `                uri strip_prefix ${accelLocation}`,
    '                copy_response_headers {',
    '                    exclude X-Accel-Redirect Content-Length',
    '                }',
    "                # The file server would put a tag of its own in the place of the application's.",
    '                header {',
    '                    Etag {rp.header.Etag}',
    '                    defer',
    '                }',
    '                file_server',
    '            }',
  ];
}
