// The English chunk: everything the web app says and the shared error texts, downloaded only when English is active.
export { errorsEn as errors } from '../../../src/kernel/messages/errors-en.ts';
export { webEn as messages } from '../../../src/kernel/messages/web-en.ts';
