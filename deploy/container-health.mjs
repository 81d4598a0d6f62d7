// The container's health check: asks /readyz of the server in this container, wherever its settings let it listen, and ends with
// 0 only when it can do its work. What is missing is in the output, which "docker inspect" shows.
import { get } from 'node:http';

const TIMEOUT_MS = 8_000;
const { DRAWBRIDGE_HOST = '127.0.0.1', DRAWBRIDGE_PORT, PORT } = process.env;
const everywhere = new Set(['0.0.0.0', '::', '']);
const host = everywhere.has(DRAWBRIDGE_HOST) ? '127.0.0.1' : DRAWBRIDGE_HOST;
const port = Number(DRAWBRIDGE_PORT || PORT || 8080);

const call = get({ host, port, path: '/readyz', timeout: TIMEOUT_MS }, (response) => {
  response.setEncoding('utf8').on('data', (text) => process.stdout.write(text));
  response.on('end', () => process.exit(response.statusCode === 200 ? 0 : 1));
});
call.on('timeout', () => call.destroy(new Error(`no answer within ${TIMEOUT_MS / 1000} s`)));
call.on('error', (error) => {
  process.stdout.write(error.message);
  process.exit(1);
});
