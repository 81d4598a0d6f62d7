// What the contracts of this slice share: pages, names, and the shapes of accounts, people and sessions on the wire.
import { z } from 'zod';
import { SCOPES } from '../kernel/route.ts';
import { idOf, PAGE_BEFORE, pageLimit, time } from '../kernel/wire-schemas.ts';

export const MAX_NAME_CHARS = 100;
export const MAX_PAGE = 200;
const DEFAULT_PAGE = 50;
/** Longer than any credential of ours, short enough to refuse nonsense before hashing it. */
export const MAX_SECRET_CHARS = 4096;
export const MIN_USERNAME_CHARS = 2;
const MAX_USERNAME_CHARS = 40;
/** As the mail standards allow. */
const MAX_EMAIL_CHARS = 254;
/** Longer ones are not compared; the rules for new passwords are in passwords.ts. */
const MAX_PASSWORD_CHARS = 200;

export const name = z.string().trim().min(1).max(MAX_NAME_CHARS);
export const scope = z.enum(SCOPES);
export const role = z.enum(['admin', 'member']);
export const page = (prefix: string) =>
  z.object({
    limit: pageLimit(DEFAULT_PAGE, MAX_PAGE),
    cursor: idOf(prefix).optional().describe(PAGE_BEFORE),
  });
export const secret = z.string().min(1).max(MAX_SECRET_CHARS);

/** Letters and digits of any language, so that it can neither look like an address nor hide a control character. */
export const username = z
  .string()
  .trim()
  .min(MIN_USERNAME_CHARS)
  .max(MAX_USERNAME_CHARS)
  .regex(/^[\p{L}\p{N}][\p{L}\p{N}._-]*$/u, 'must be letters, digits, dots, dashes or underscores')
  .describe('To sign in with; upper and lower case are the same');
export const email = z
  .string()
  .trim()
  .max(MAX_EMAIL_CHARS)
  .regex(/^[^\s@<>"(),:;\\[\]]+@[^\s@<>"(),:;\\[\]]+\.[^\s@<>"(),:;\\[\]]+$/, 'must be an e-mail address')
  .describe('To sign in with; no message is ever sent to it');
export const password = z.string().min(1).max(MAX_PASSWORD_CHARS);
export const newPassword = password.describe('At least 10 characters; what anybody would guess is refused');

export const accountSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    role,
    disabled: z.boolean(),
    created_at: time,
  })
  .meta({ id: 'Account' });

export const userSchema = z
  .object({
    id: z.string(),
    account_id: z.string(),
    role,
    name: z.string(),
    username: z.string().nullable(),
    email: z.string().nullable(),
    disabled: z.boolean(),
    has_password: z.boolean(),
    identities: z
      .array(z.object({ issuer: z.string(), email: z.string().nullable(), linked_at: time }))
      .describe('Sign-ins elsewhere that open this account'),
    created_at: time,
    last_sign_in_at: time.nullable(),
  })
  .meta({ id: 'User', description: 'A person who signs in; several may share one account' });

export const sessionSchema = z
  .object({
    account: accountSchema,
    user: userSchema.nullable().describe('The person; null where a key or the set-up link signed in'),
    scopes: z.array(scope),
    via: z.enum(['key', 'session', 'socket', 'ticket', 'loopback']),
    expires_at: time.nullable().describe('When a browser session ends; null for other credentials'),
    secure_transport: z
      .boolean()
      .describe('False on plain http, where the cookie can be read on the way: show a warning'),
  })
  .meta({ id: 'Session' });
