// Takes secrets out of text that is about to be shown or written: by shape, wherever they stand in a string.
// It may mask too much, never too little: a masked word costs a look-up, a leaked key costs an account.

export const MASK = '[redacted]';

/** Names of fields, parameters and headers whose value is a secret. */
const SECRET_WORDS =
  'authorization|proxy-authorization|cookie|set-cookie|x-api-key|api[-_]?key|access[-_]?key(?:[-_]?id)?|secret[-_]?access[-_]?key|secret[-_]?key|client[-_]?secret|private[-_]?key|signing[-_]?key|admin[-_]?key|callback[-_]?token|(?:access|refresh|id|auth|session|csrf|bot)[-_]?token|session[-_]?ids?|sessionid(?:_ss)?|sid|password|passwd|passphrase|pwd|secret|token|ticket|credential|credentials|signature|x-amz-signature|x-amz-credential|x-amz-security-token';

const SECRET_NAME = new RegExp(`^(?:.*[-_.])?(?:${SECRET_WORDS})s?$`, 'i');

/** Credentials in any URL: the user part goes, the host stays. */
const URL_CREDENTIALS =
  /\b([a-z][a-z0-9+.-]{0,20}:\/\/)[^\s/?#"'<>@]{1,512}(?:@[^\s/?#"'<>@]{1,512}){0,3}@/gi;
/** `Bearer x`; after the other schemes only what has a digit, since "basic" and "key" are also plain words. */
const AUTH_SCHEME =
  /\b(Bearer\s+|(?:Basic|Digest|Token|Key)\s+(?=[^\s"']{0,256}\d))(?=[\w.~+/=:-]{8})[\w.~+/=:-]+(?:,[\w.~+/=:-]+)*/gi;
/** Keys that show what they are by their first letters. */
const KNOWN_PREFIX =
  /\b(?:dbk_|sk-|sk_(?:live|test)_|pk_(?:live|test)_|rk_(?:live|test)_|whsec_|r8_|fal_|hf_|gh[pousr]_|github_pat_|xox[abprs]-|AKIA|ASIA|AIza)[\w.~+/=-]{6,}/g;
/** JSON web tokens. */
const WEB_TOKEN = /\beyJ[\w-]{8,}\.[\w-]{4,}(?:\.[\w-]*)?/g;
const PRIVATE_KEY = /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g;
/** `name=value` (query, form, cookie, command line) and `"name": "value"`, `name: value` (JSON, YAML, headers). */
const NAMED_VALUE = new RegExp(
  `((?:^|[?&;,\\s{("'\\[])["']?(?:[\\w.]{1,40}[-_.])?(?:${SECRET_WORDS})["']?\\s{0,3}(?:=|:)\\s{0,3})("(?:[^"\\\\]|\\\\.){0,4096}"|'[^']{0,4096}'|[^\\s&;,"'})\\]]{1,4096})`,
  'gi',
);
/** A cookie or authorization header is secret to the end of its line. */
const SECRET_HEADER = /\b((?:proxy-)?authorization|(?:set-)?cookie)(\s{0,3}:\s{0,3})[^\r\n"']+/gi;

/** What every pattern but those of known prefixes needs. */
const HAS_SEPARATOR = /[\s:=@]/;

/** Whether a field, header or parameter of this name holds a secret. */
export function isSecretName(name: string): boolean {
  // `sessionId`, `apiKey`: camel humps are read as separators.
  const snake = name.replace(/([a-z0-9])([A-Z])/g, '$1_$2');
  return SECRET_NAME.test(snake) || SECRET_NAME.test(name);
}

/** `text` with everything that looks like a secret masked; the host of a URL and the name of a field stay readable. */
export function redactText(text: string): string {
  // Ids, paths and plain words, most of what is logged, cannot match the slower patterns.
  if (!HAS_SEPARATOR.test(text)) return text.replace(KNOWN_PREFIX, MASK).replace(WEB_TOKEN, MASK);
  return text
    .replace(PRIVATE_KEY, MASK)
    .replace(URL_CREDENTIALS, `$1${MASK}@`)
    .replace(SECRET_HEADER, `$1$2${MASK}`)
    .replace(NAMED_VALUE, (_all, before: string, value: string) => {
      const quote = /^["']/.test(value) ? value[0] : '';
      return `${before}${quote}${MASK}${quote}`;
    })
    .replace(AUTH_SCHEME, `$1${MASK}`)
    .replace(KNOWN_PREFIX, MASK)
    .replace(WEB_TOKEN, MASK);
}

/** Shorter configured values are left alone: masking every "test" would hide more than it protects. */
const SHORTEST_KNOWN_SECRET = 6;

export interface Redactor {
  /** Masks what looks like a secret, and every value that was learnt. */
  text(text: string): string;
  /** Masks this value from now on, wherever it turns up. */
  learn(secret: string): void;
}

/** A redactor that also knows secrets by their value, which have no shape of their own (session ids, passwords). */
export function createRedactor(secrets: readonly string[] = []): Redactor {
  const known = new Set<string>();
  const learn = (secret: string) => {
    if (secret.length < SHORTEST_KNOWN_SECRET) return;
    known.add(secret);
    known.add(encodeURIComponent(secret));
    known.add(JSON.stringify(secret).slice(1, -1));
  };
  for (const secret of secrets) learn(secret);
  return {
    learn,
    text(text) {
      let masked = text;
      for (const secret of known) if (masked.includes(secret)) masked = masked.replaceAll(secret, MASK);
      return redactText(masked);
    },
  };
}
