// A foreign server's words made fit to be shown and stored: one short line without secrets, addresses, machine paths,
// account names, markup and control characters. It may mask too much, never too little.
import { createRedactor, MASK } from './redact.ts';

export const LONGEST_QUOTE = 160;
/** More than this is never looked at; what it cuts through is dropped, since half a secret has no shape. */
const LONGEST_INPUT = 4 * 1024;

const PAGE = /<!doctype\b|<(?:html|head|body|title)\b/i;
const TAG = /<[a-z!/?][^>]{0,2000}>/gi;
const URL_LIKE = /\b[a-z][a-z0-9+.-]{1,20}:\/\/[^\s"'<>)]+/gi;
const IPV4 = /(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?::\d+)?(?![\w.]*\w)/g;
const IPV6 =
  /\[[0-9a-f:.]{2,}\](?::\d+)?|(?<![\w:])(?:(?:[0-9a-f]{1,4}:){3,7}[0-9a-f]{1,4}|(?:[0-9a-f]{1,4}:){0,7}:(?::?[0-9a-f]{1,4}){1,7}|::)(?![\w:])/gi;
/** With a letter in it, so that ratios and times stay. */
const HOST_AND_PORT = /\b(?=[\w.-]{0,200}[a-z])[\w-]+(?:\.[\w-]+)*:\d{2,5}\b/gi;
const HOST_NAME =
  /\b(?:[\w-]+\.)+(?:internal|local|localdomain|lan|svc|cluster|corp|intranet|example|test|com|net|org|io|ai|cn|dev|app|cloud|xyz)\b(?:\.[\w-]+)*/gi;
/** The names that the system's own errors carry. */
const LOOKED_UP = /\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED) [\w-]+(?:\.[\w-]+)*/g;
const MACHINE_PATH =
  /(?<![\w/])\/(?:home|root|var|usr|opt|tmp|etc|app|srv|mnt|data|proc|Users|workspace)\/\S*|\b[A-Za-z]:\\\S+/g;
const ACCOUNT_ID = /\b(?:org|proj|user)-[\w-]{6,}/g;
const UNSEEN = /[\p{Cc}\p{Cf}\s]+/gu;
const GAP = '…';

/** `message` and after a colon what `said` says; `message` alone when that is nothing. */
export function withQuote(message: string, said: string, secrets: readonly string[] = []): string {
  const quote = quotable(said, secrets);
  return quote === '' ? message : `${message}: ${quote}`;
}

/**
 * What `text` says, at most 160 characters; empty when it is a web page or says nothing. `secrets` are values that must
 * not be repeated whatever they look like.
 */
export function quotable(text: string, secrets: readonly string[] = []): string {
  if (PAGE.test(text.slice(0, LONGEST_INPUT))) return '';
  const masked = createRedactor(secrets).text(
    text.length > LONGEST_INPUT ? text.slice(0, LONGEST_INPUT).replace(/\S{1,4096}$/, '') : text,
  );
  const plain = masked
    .replaceAll(MASK, GAP)
    .replace(TAG, ' ')
    .replace(URL_LIKE, GAP)
    .replace(IPV6, GAP)
    .replace(IPV4, GAP)
    .replace(LOOKED_UP, `$1 ${GAP}`)
    .replace(HOST_AND_PORT, GAP)
    .replace(HOST_NAME, GAP)
    .replace(MACHINE_PATH, GAP)
    .replace(ACCOUNT_ID, GAP)
    .replace(UNSEEN, ' ')
    .trim();
  const characters = [...plain];
  return characters.length > LONGEST_QUOTE ? `${characters.slice(0, LONGEST_QUOTE).join('')}${GAP}` : plain;
}
