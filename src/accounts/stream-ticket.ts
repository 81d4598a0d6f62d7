// Stream tickets: EventSource cannot send a header, so a caller trades its credential for a signed value that works as
// `?ticket=` for 60 seconds on event streams. Tickets are stateless and hold on every node that shares the database.
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Access, Scope } from '../kernel/route.ts';
import { SCOPES } from '../kernel/route.ts';

export const TICKET_LIFETIME_MS = 60_000;
const TICKET_PREFIX = 'dbt_';
const MAX_TICKET_CHARS = 1024;

interface Claims {
  /** Account, credential, scopes, expiry in epoch milliseconds. */
  a: string;
  c: string;
  s: Scope[];
  e: number;
}

export interface Ticket {
  accountId: string;
  credentialId: string;
  scopes: ReadonlySet<Scope>;
}

function signatureOf(payload: string, secret: string): Buffer {
  return createHmac('sha256', secret).update(payload).digest();
}

/** A ticket with exactly the caller's account and scopes. */
export function issueTicket(access: Access, secret: string, now: number): string {
  const claims: Claims = {
    a: access.accountId,
    c: access.credentialId,
    s: [...access.scopes],
    e: now + TICKET_LIFETIME_MS,
  };
  const payload = Buffer.from(JSON.stringify(claims)).toString('base64url');
  return `${TICKET_PREFIX}${payload}.${signatureOf(payload, secret).toString('base64url')}`;
}

/** What a ticket stands for; undefined when it is forged, broken or over. */
export function readTicket(ticket: string, secret: string, now: number): Ticket | undefined {
  if (!ticket.startsWith(TICKET_PREFIX) || ticket.length > MAX_TICKET_CHARS) return undefined;
  const [payload, signature, rest] = ticket.slice(TICKET_PREFIX.length).split('.');
  if (!payload || !signature || rest !== undefined) return undefined;
  const expected = signatureOf(payload, secret);
  const given = Buffer.from(signature, 'base64url');
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined;
  // Signed by us, so its shape is ours.
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Claims;
  if (claims.e <= now) return undefined;
  // A node of another version may know other scopes.
  const scopes = new Set(SCOPES.filter((scope) => claims.s.includes(scope)));
  return { accountId: claims.a, credentialId: claims.c, scopes };
}
