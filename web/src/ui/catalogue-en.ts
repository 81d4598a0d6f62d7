// The English chunk: everything that every page says, downloaded only when English is active.
export { webEn as messages } from '../../../src/kernel/messages/web-en.ts';
