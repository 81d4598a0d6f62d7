// The Chinese chunk: everything that every page says, downloaded only when Chinese is active.
export { webZh as messages } from '../../../src/kernel/messages/web-zh.ts';
