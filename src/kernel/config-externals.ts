// The environment names of providers and stores, where each lands in `providers` and `stores`, and which of them
// only make sense together. A part that is half configured stops the start, so that it cannot fail later as a 502.

/** In the data folder: the key of the secrets that were set at run time. */
export const SECRETS_KEY_FILE = 'secrets.key';

export interface ExternalName {
  /** Names in the environment, strongest first. */
  env: readonly [string, ...string[]];
  section: 'providers' | 'stores';
  part: string;
  field: string;
  secret: boolean;
  meaning: string;
}

type Field = readonly [
  env: string | readonly [string, ...string[]],
  field: string,
  meaning: string,
  secret?: 'secret',
];

function names(section: ExternalName['section'], part: string, fields: readonly Field[]): ExternalName[] {
  return fields.map(([env, field, meaning, secret]) => ({
    env: typeof env === 'string' ? [env] : env,
    section,
    part,
    field,
    secret: secret === 'secret',
    meaning,
  }));
}

/** The proxy of one provider, instead of the environment's. Its address may hold a password. */
function proxyOf(prefix: string, target: string): Field {
  const meaning = `Proxy to reach ${target} by (http://, https:// or socks5:// with user:password@ if it wants one), or "direct" for none`;
  return [`${prefix}_PROXY`, 'proxy', meaning, 'secret'];
}

export const EXTERNAL_NAMES: readonly ExternalName[] = [
  ...names('providers', 'jimeng', [
    ['JIMENG_URL', 'url', 'Address of the jimeng-api server'],
    ['JIMENG_SESSION_ID', 'session_id', 'Session ids of jimeng (comma-separated for several)', 'secret'],
    proxyOf('JIMENG', 'jimeng-api'),
  ]),
  ...names('providers', 'kie', [
    ['KIE_AI_API_KEY', 'api_key', 'API key of KIE AI', 'secret'],
    ['KIE_AI_BASE_URL', 'base_url', 'Address of KIE AI, if not its public one'],
    ['KIE_AI_USER_ID', 'user_id', 'Accepted for older set-ups; not used'],
    ['KIE_AI_WEBHOOK_KEY', 'webhook_key', 'Key with which KIE AI signs its calls back', 'secret'],
    proxyOf('KIE_AI', 'KIE AI'),
  ]),
  ...names('providers', 'comfyui', [
    [['COMFYUI_URL', 'COMFYUI_SERVER'], 'url', 'Addresses of ComfyUI servers (comma-separated for several)'],
    [
      'COMFYUI_CHECKPOINT',
      'checkpoint',
      'Checkpoints to offer (comma-separated); without it, the first that a server has',
    ],
    ['COMFYUI_API_KEY', 'api_key', 'Bearer key of a gateway in front of ComfyUI', 'secret'],
    proxyOf('COMFYUI', 'ComfyUI'),
  ]),
  ...names('providers', 'openai', [
    ['OPENAI_API_KEY', 'api_key', 'API key of OpenAI or of a server in its style', 'secret'],
    ['OPENAI_BASE_URL', 'base_url', 'Address of a server in the style of OpenAI'],
    ['OPENAI_MODELS', 'models', 'Models to offer there (comma-separated)'],
    proxyOf('OPENAI', 'it'),
  ]),
  ...names('providers', 'ai_sdk', [
    ['AI_SDK_PACKAGE', 'package', 'Package of the AI SDK to use, such as @ai-sdk/fal (installed by you)'],
    ['AI_SDK_MODEL', 'model', 'Its picture models to offer (comma-separated)'],
    ['AI_SDK_API_KEY', 'api_key', 'API key of that service', 'secret'],
    proxyOf('AI_SDK', 'it'),
  ]),
  ...names('providers', 'moonshot', [
    ['MOONSHOT_API_KEY', 'api_key', 'API key of Moonshot (Kimi), which writes stories', 'secret'],
    ['MOONSHOT_BASE_URL', 'base_url', 'Address of Moonshot, if not its public one'],
    proxyOf('MOONSHOT', 'Moonshot'),
  ]),
  ...names('stores', 'r2', [
    ['CLOUDFLARE_R2_ACCOUNT_ID', 'account_id', 'Cloudflare account of the R2 bucket'],
    ['CLOUDFLARE_R2_ACCESS_KEY_ID', 'access_key_id', 'R2 access key', 'secret'],
    ['CLOUDFLARE_R2_SECRET_ACCESS_KEY', 'secret_access_key', 'R2 secret key', 'secret'],
    ['CLOUDFLARE_R2_BUCKET', 'bucket', 'R2 bucket'],
    ['CLOUDFLARE_R2_PUBLIC_URL', 'public_url', 'Public address of the R2 bucket, if it has one'],
    [
      'CLOUDFLARE_R2_ENDPOINT',
      'endpoint',
      'Address of R2, if not the usual one of the account (EU, FedRAMP)',
    ],
    proxyOf('CLOUDFLARE_R2', 'R2'),
  ]),
  ...names('stores', 's3', [
    ['S3_ENDPOINT', 'endpoint', 'Address of the S3-compatible server, if not AWS'],
    ['S3_REGION', 'region', 'Region of the bucket'],
    ['S3_BUCKET', 'bucket', 'Bucket'],
    ['S3_ACCESS_KEY_ID', 'access_key_id', 'S3 access key', 'secret'],
    ['S3_SECRET_ACCESS_KEY', 'secret_access_key', 'S3 secret key', 'secret'],
    ['S3_PUBLIC_URL', 'public_url', 'Public address of the bucket, if it has one'],
    [
      'S3_ADDRESSING',
      'addressing',
      "path (MinIO, SeaweedFS), virtual (OSS), endpoint (the address is the bucket's own domain), or auto",
    ],
    ['S3_PREFIX', 'prefix', 'Put before the key of every object, such as pictures/'],
    proxyOf('S3', 'the S3 server'),
  ]),
  ...names('stores', 'imgbb', [
    ['IMGBB_API_KEY', 'api_key', 'API key of ImgBB, a public fallback store', 'secret'],
    ['IMGBB_URL', 'url', 'Address of the API of ImgBB, if not its public one'],
    proxyOf('IMGBB', 'ImgBB'),
  ]),
];

/** Fields that must all be there once any field of the part is. */
export const REQUIRED_TOGETHER: readonly {
  section: ExternalName['section'];
  part: string;
  fields: readonly string[];
}[] = [
  { section: 'providers', part: 'jimeng', fields: ['session_id'] },
  { section: 'providers', part: 'kie', fields: ['api_key'] },
  { section: 'providers', part: 'openai', fields: ['api_key'] },
  { section: 'providers', part: 'moonshot', fields: ['api_key'] },
  { section: 'stores', part: 'r2', fields: ['account_id', 'access_key_id', 'secret_access_key', 'bucket'] },
  { section: 'stores', part: 's3', fields: ['bucket', 'access_key_id', 'secret_access_key'] },
  { section: 'stores', part: 'imgbb', fields: ['api_key'] },
];

/** Fields that alone do not mean that somebody wants to use the part. */
const IDLE_FIELDS: ReadonlySet<string> = new Set(['providers.kie.user_id']);
/** The one field that every provider may have, and that says nothing about its use either. */
export const PROXY_FIELD = 'proxy';

/** Whether a value at this place says that somebody wants to use the part. */
export function meansUse(section: string, part: string, field: string): boolean {
  return field !== PROXY_FIELD && !IDLE_FIELDS.has(`${section}.${part}.${field}`);
}

/** The fields of a provider that hold a credential and may be set at run time, the main one first. */
export function credentialFields(provider: string): string[] {
  return EXTERNAL_NAMES.filter(
    ({ section, part, field, secret }) =>
      section === 'providers' && part === provider && secret && field !== PROXY_FIELD,
  ).map(({ field }) => field);
}

/** The providers that the environment alone can set up. */
export const ENVIRONMENT_PROVIDERS: readonly string[] = [
  ...new Set(EXTERNAL_NAMES.filter(({ section }) => section === 'providers').map(({ part }) => part)),
];

/** The fields without which a provider cannot work. */
export function requiredFields(provider: string): readonly string[] {
  const isIt = ({ section, part }: { section: string; part: string }) =>
    section === 'providers' && part === provider;
  return REQUIRED_TOGETHER.find(isIt)?.fields ?? [];
}

/** The name in the environment of a provider's field, or its key in drawbridge.yaml where it has none. */
export function nameOfField(provider: string, field: string): string {
  const isIt = (name: ExternalName) =>
    name.section === 'providers' && name.part === provider && name.field === field;
  return EXTERNAL_NAMES.find(isIt)?.env[0] ?? `providers.${provider}.${field}`;
}
