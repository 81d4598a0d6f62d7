// The Chinese chunk: everything the web app says and the shared error texts, downloaded only when Chinese is active.
export { errorsZh as errors } from '../../../src/kernel/messages/errors-zh.ts';
export { webZh as messages } from '../../../src/kernel/messages/web-zh.ts';
