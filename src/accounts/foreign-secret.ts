// Recognises other services' secrets that were sent as a Drawbridge key by mistake, so that the error can say so.
// The secret itself is never repeated.

interface ForeignShape {
  pattern: RegExp;
  name: string;
  /** Where that secret belongs. */
  setting: string;
}

/** Anchored and linear; the first that fits names the mistake. */
const SHAPES: readonly ForeignShape[] = [
  { pattern: /^sk-ant-/, name: 'an Anthropic API key', setting: 'a provider in drawbridge.yaml' },
  {
    pattern: /^sk-/,
    name: 'an API key of OpenAI or an OpenAI-style service (such as Moonshot)',
    setting: 'OPENAI_API_KEY or MOONSHOT_API_KEY',
  },
  {
    pattern: /^(?:(?:us|hk|jp|sg)-)?[0-9a-f]{32}(?:,|$)/i,
    name: 'a jimeng session id or a KIE AI key',
    setting: 'JIMENG_SESSION_ID or KIE_AI_API_KEY',
  },
  {
    pattern: /^(?:https?|socks[45]):\/\/.+@(?:(?:us|hk|jp|sg)-)?[0-9a-f]{32}/i,
    name: 'a jimeng session id with its proxy',
    setting: 'JIMENG_SESSION_ID',
  },
  { pattern: /^r8_/, name: 'a Replicate token', setting: 'a provider in drawbridge.yaml' },
  { pattern: /^hf_/, name: 'a Hugging Face token', setting: 'a provider in drawbridge.yaml' },
  { pattern: /^AIza/, name: 'a Google API key', setting: 'a provider in drawbridge.yaml' },
  { pattern: /^AKIA[0-9A-Z]{16}$/, name: 'an S3 access key id', setting: 'S3_ACCESS_KEY_ID' },
  {
    pattern: /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}:[0-9a-f]{32}$/i,
    name: 'a fal key',
    setting: 'a provider in drawbridge.yaml',
  },
];

/** A sentence about whose secret this looks like, without the secret; undefined when it looks like nobody's. */
export function describeForeignSecret(secret: string): { detail: string; fix: string } | undefined {
  const shape = SHAPES.find(({ pattern }) => pattern.test(secret));
  if (!shape) return undefined;
  return {
    detail: `This looks like ${shape.name}, not like a Drawbridge key (those start with "dbk_").`,
    fix: `Send a Drawbridge key to Drawbridge, and give that secret to the server itself (${shape.setting}). If it was sent over a network you do not trust, replace it.`,
  };
}
