// Every setting there is, as one zod schema: key, type, default, meaning. Environment names, docs/configuration.md,
// .env.example and the JSON Schema of drawbridge.yaml are derived from it, so that none of them can drift.
import { z } from 'zod';
import { alertSettings } from './config-alerts.ts';
import {
  adminKey,
  count,
  credits,
  databaseUrl,
  flag,
  hostPort,
  LONGEST_TIMEOUT_S,
  modelRouting,
  origin,
  proxyUrl,
  publicUrl,
  sealingKey,
  seconds,
  setting,
  text,
  trustedProxy,
} from './config-fields.ts';
import { SANDBOX_FAULTS } from './config-sandbox.ts';
import { storySettings } from './config-stories.ts';

const MOST_OIDC_NAME_CHARS = 60;
const MOST_ALIASES = 50;
/** Where wishes are taken, or other things, already. */
const OWN_POST_PATHS = /^\/(?:(?:v1|s)(?:\/.*)?|api\/(?:upload-image|generate-image|download-url|share))$/;

/** A provider's or store's own keys; the one that owns them checks them. */
const rawSections = z.record(z.string(), z.record(z.string(), z.unknown())).default({});

export const settingsSchema = z.strictObject({
  host: setting(
    z
      .string()
      .regex(/^[0-9A-Za-z.:_-]+$/, 'must be an IP address or a host name')
      .nullable()
      .default(null),
    'Address to listen on: 127.0.0.1 unless set (0.0.0.0 when the port comes from PORT). 0.0.0.0 answers on every network.',
  ),
  port: setting(z.int().min(0).max(65_535).default(8080), 'Port to listen on; 0 takes a free one.', {
    env: ['DRAWBRIDGE_PORT', 'PORT'],
  }),
  role: setting(
    z.enum(['all', 'api', 'worker']).default('all'),
    'all: everything in one process. api: takes requests and leaves the work to others. worker: does the work and answers on the network for health alone. Several processes need PostgreSQL.',
  ),
  data_dir: setting(
    z.string().min(1).default('./data'),
    'Folder of the database, pictures and keys; relative to the folder it is started in.',
  ),
  public_url: setting(
    publicUrl.nullable().default(null),
    'The address people use to reach this server, with a path prefix if there is one. Without it, each request tells.',
  ),
  admin_key: setting(adminKey, 'An API key with every right that always exists, for automation.', {
    secret: true,
  }),
  secrets_key: setting(
    sealingKey,
    'The key that stored secrets, those of webhooks and of providers set at run time, are encrypted with: 32 bytes as base64 or hex, such as from "openssl rand -base64 32". Without it, the file secrets.key in the data folder, made when it is first needed. Several nodes need the same one.',
    { secret: true },
  ),
  secrets_key_previous: setting(
    sealingKey,
    'The key that DRAWBRIDGE_SECRETS_KEY replaces: at the start, what it encrypted is encrypted anew.',
    { secret: true },
  ),
  allow_incomplete_providers: flag(
    false,
    'Start although a provider lacks its credential, so that it can be set at run time. Until then /readyz and /health say 503.',
  ),
  cors_origins: setting(
    z.array(origin).default([]),
    'Other web origins whose pages may call the API (a comma-separated list in the environment).',
  ),
  trusted_proxies: setting(
    z.array(trustedProxy).default(['loopback']),
    'Reverse proxies whose X-Forwarded-* headers are believed: addresses, ranges, loopback, linklocal, uniquelocal.',
  ),
  // A public address means that a proxy of this machine may be the one who connects.
  trust_loopback: setting(
    z.boolean().nullable().default(null),
    'Whether a caller on the machine itself may see /metrics and the details of /health without a key. Without it: yes, as long as no public_url is set, since a reverse proxy on the same machine calls from there for everybody. Never where a header shows that a proxy handed the request on.',
  ),
  database_url: setting(databaseUrl, 'A PostgreSQL server to use instead of the built-in SQLite.', {
    env: ['DATABASE_URL'],
    secret: true,
  }),
  language: setting(
    z.enum(['en', 'zh']).default('en'),
    'Language of the command line and of answers to callers that ask for none. Without it, the command line follows LC_ALL, LC_MESSAGES or LANG.',
    { env: ['DRAWBRIDGE_LANG'] },
  ),
  default_model: text(
    "Model for requests that name none. Without it: the first real provider's first model, else the sandbox.",
  ),
  client: z
    .strictObject({
      url: setting(
        publicUrl.nullable().default(null),
        'Address of a server elsewhere that the command line should talk to.',
        { env: ['DRAWBRIDGE_URL'] },
      ),
      api_key: setting(adminKey, 'API key that the command line shows to that server.', {
        env: ['DRAWBRIDGE_API_KEY'],
        secret: true,
      }),
    })
    .prefault({}),
  log: z
    .strictObject({
      level: setting(
        z.enum(['debug', 'info', 'warn', 'error']).default('info'),
        'Least important line to write.',
      ),
      format: setting(
        z.enum(['auto', 'json', 'pretty']).default('auto'),
        'auto is pretty on a terminal and one JSON object a line elsewhere.',
      ),
      file: text(
        'File to append the log to, instead of standard output; at 20 MB a new one begins, and five old ones are kept.',
      ),
    })
    .prefault({}),
  credits: z
    .strictObject({
      starting_grant: setting(credits.default(100), 'Credits that a new account starts with.'),
      prices: setting(
        z.record(z.string(), credits).default({}),
        "Credits for one picture of a model, instead of the provider's own price (model=credits, comma-separated).",
      ),
    })
    .prefault({}),
  accounts: z
    .strictObject({
      open_registration: flag(
        false,
        'Let anybody who reaches this server register, with the starting grant; otherwise people are invited.',
      ),
    })
    .prefault({}),
  oidc: z
    .strictObject({
      issuer: setting(
        publicUrl.nullable().default(null),
        'OpenID Connect provider that people may sign in at, such as https://accounts.google.com.',
      ),
      client_id: text('What the provider calls this server.'),
      client_secret: text('The secret that goes with it; none for a public client.', { secret: true }),
      name: setting(
        z.string().min(1).max(MOST_OIDC_NAME_CHARS).default('Single sign-on'),
        'What the button on the sign-in page says.',
      ),
      auto_register: flag(
        false,
        'Whoever the provider signs in and is new here gets an account; otherwise people are invited first.',
      ),
      allowed_domains: setting(
        z
          .array(
            z
              .string()
              .regex(/^[a-z0-9-]+(?:\.[a-z0-9-]+)+$/i, 'must be a domain such as example.com, without @'),
          )
          .default([]),
        'Only people with a verified e-mail address of these domains may sign in there; without it, everybody the provider knows.',
      ),
    })
    .refine(({ issuer, client_id: clientId }) => (issuer === null) === (clientId === null), {
      error: 'oidc.issuer and oidc.client_id belong together: give both or neither',
      path: ['client_id'],
    })
    .prefault({}),
  models: setting(
    z.record(z.string(), modelRouting).default({}),
    'Which providers serve a public model name: routes in the order in which they are tried, and one price whatever route does the work (name=provider/model|provider/model*weight, comma-separated).',
  ),
  tasks: z
    .strictObject({
      deadline_s: setting(
        z.int().min(1).max(LONGEST_TIMEOUT_S).nullable().default(null),
        "Seconds after which an unfinished task fails and its credits return. Without it, the provider's own (5 to 40 minutes).",
      ),
      max_queued_per_account: count(
        2000,
        1,
        10_000_000,
        'Unfinished tasks that one account may have, items of batches aside.',
      ),
      max_queued_batch_items: count(
        100_000,
        1,
        10_000_000,
        'Unfinished items of batches that one account may have.',
      ),
      idempotency_hours: count(24, 1, 720, 'Hours for which an Idempotency-Key is remembered.'),
    })
    .prefault({}),
  sandbox: z
    .strictObject({
      enabled: flag(true, 'Offer the built-in provider that needs no key.'),
      concurrency: count(2, 1, 64, 'Pictures that it paints at the same time.'),
      slow_seconds: setting(
        z.number().min(0).max(3600).default(8),
        'Seconds that a picture of the model sandbox-slow takes.',
      ),
      faults: setting(
        z
          .partialRecord(z.enum(SANDBOX_FAULTS), z.number().min(0).max(1))
          .refine(
            (shares) => Object.values(shares).reduce((sum, share) => sum + share, 0) <= 1,
            'must not be more than 1 together',
          )
          .default({}),
        'Share (0 to 1) of each fault that the model sandbox-flaky shows, such as failed=0.1,lost=0.05.',
      ),
    })
    .prefault({}),
  media: z
    .strictObject({
      root: text('Folder of the pictures; "media" in the data folder unless set.'),
      access: setting(
        z.enum(['link', 'private']).default('link'),
        'link: whoever has the link sees the picture. private: only its owner, or a signed link.',
      ),
      upload_max_mb: count(32, 1, 1024, 'Largest upload, in megabytes.'),
      max_megapixels: count(50, 1, 250, 'Largest picture that is decoded, in millions of pixels.'),
      keep_prompt_metadata: flag(
        false,
        'Keep the prompt that some providers write into their files when serving them.',
      ),
      stores: setting(
        z.array(z.union([z.string().min(1), z.record(z.string(), z.unknown())])).default([]),
        'Stores in the order in which they are tried: r2, s3, imgbb or disk, or in drawbridge.yaml sections with kind, name and what it needs. Without it: those that are set up, then disk.',
      ),
      serve: setting(
        z.enum(['stream', 'redirect']).default('stream'),
        'stream: pictures of a remote store pass through this server. redirect: a 302 to the store itself, signed for at most 15 minutes where it has no public address.',
      ),
      accel_redirect: setting(
        z
          .string()
          .regex(/^\/[A-Za-z0-9_/-]+$/, 'must be a path such as /internal-media/')
          .nullable()
          .default(null),
        'The internal location of nginx that serves the folder of the pictures, such as /internal-media/: nginx then sends the bytes (X-Accel-Redirect).',
      ),
    })
    .prefault({}),
  limits: z
    .strictObject({
      requests_per_minute: count(6000, 1, 100_000_000, 'Requests a minute for one account.'),
      anonymous_requests_per_minute: count(
        120,
        1,
        1_000_000,
        'Requests a minute for one address that is not signed in.',
      ),
      streams_per_account: count(50, 1, 10_000, 'Live event streams that one account may hold open.'),
      storage_mb_per_account: count(
        0,
        0,
        1_000_000_000,
        'Megabytes of pictures and uploads that one account may keep, unless it has a quota of its own; 0: any number.',
      ),
      max_rss_mb: count(
        0,
        0,
        1_000_000,
        'Megabytes of memory above which the server finishes what is running and ends with exit code 75, to be started anew by its service manager; 0: never.',
      ),
    })
    .prefault({}),
  backup: z
    .strictObject({
      folder: text('Folder of scheduled backups, best on another disk.'),
      schedule: setting(
        z
          .string()
          .regex(
            /^(?:(?:[01]\d|2[0-3]):[0-5]\d|[1-9]\d{0,3}[mhd])$/,
            'must be a time of day such as 03:30, or a distance such as 30m, 6h or 1d',
          )
          .nullable()
          .default(null),
        "When the server makes a backup by itself: a time of day (03:30, the machine's time) or a distance (6h). Without it, never.",
      ),
      keep: count(7, 1, 10_000, 'Scheduled backups that are kept; older ones are removed.'),
    })
    .refine(({ folder, schedule }) => schedule === null || folder !== null, {
      path: ['folder'],
      message: 'must be set, since backup.schedule is: the folder that backups go to',
    })
    .prefault({}),
  retention: z
    .strictObject({
      pictures_days: count(
        0,
        0,
        36_500,
        'Days after which pictures go to the trash by themselves, favourites aside; 0: never.',
      ),
      uploads_days: count(
        0,
        0,
        36_500,
        'Days for which an upload is kept, and longer while a task needs it; 0: 30.',
      ),
    })
    .prefault({}),
  watchdog: z
    .strictObject({
      interval_s: count(300, 0, 86_400, 'Seconds between two looks for stuck tasks; 0: only when asked.'),
      grace_s: count(90, 0, 86_400, 'Seconds after its deadline before a task counts as stuck.'),
    })
    .prefault({}),
  outbound: z
    .strictObject({
      connect_timeout_s: seconds(10, 'Longest wait for a connection to a provider or store.'),
      idle_timeout_s: seconds(60, 'Longest silence while reading an answer.'),
      total_timeout_s: seconds(600, 'Longest whole call, unless the provider has its own limit.'),
      max_download_mb: count(64, 1, 1024, 'Largest picture that is fetched, in megabytes.'),
      allow_hosts: setting(
        z.array(hostPort).default([]),
        'Exact host:port pairs in private networks that addresses given by users may point to.',
      ),
    })
    .prefault({}),
  proxy: z
    .strictObject({
      http: setting(proxyUrl, 'Proxy for plain http addresses.', {
        env: ['http_proxy', 'HTTP_PROXY'],
        secret: true,
      }),
      https: setting(proxyUrl, 'Proxy for https addresses.', {
        env: ['https_proxy', 'HTTPS_PROXY'],
        secret: true,
      }),
      all: setting(proxyUrl, 'Proxy for whatever has none of its own.', {
        env: ['all_proxy', 'ALL_PROXY'],
        secret: true,
      }),
      bypass: setting(
        z.array(z.string().min(1)).default([]),
        'Hosts that are reached without a proxy (comma-separated in the environment).',
        { env: ['no_proxy', 'NO_PROXY'] },
      ),
    })
    .prefault({}),
  health: z
    .strictObject({
      probe_interval_s: count(
        60,
        5,
        3600,
        'Seconds between two looks at every provider; a look costs nothing.',
      ),
    })
    .prefault({}),
  compat: z
    .strictObject({
      allow_anonymous: flag(
        false,
        'Answer the addresses of the older systems, and /v1/images/generations, without a key too: as one account with its own credits and limits.',
      ),
      account: setting(
        z
          .string()
          .regex(/^acct_[0-9a-f]{32}$/, 'must be the id of an account, such as acct_0193…')
          .nullable()
          .default(null),
        'The account that callers without a key act for. Without it, one named "Callers without a key" is opened for them.',
      ),
      aliases: setting(
        z
          .array(
            z
              .string()
              .regex(
                /^(?:\/[A-Za-z0-9._~-]+)+$/,
                'must be a path such as /generate or /api/v2/submit: letters, digits, and . _ ~ - between slashes',
              )
              .refine(
                (path) => !OWN_POST_PATHS.test(path),
                'must be another path: Drawbridge itself answers there',
              ),
          )
          .max(MOST_ALIASES)
          .default([]),
        'Further paths to which older programs POST their wishes: each makes a task as POST /v1/tasks does.',
      ),
    })
    .prefault({}),
  stories: storySettings,
  alerts: alertSettings,
  providers: setting(rawSections, 'One section per picture provider or language model.'),
  stores: setting(rawSections, 'One section per picture store.'),
  sync: setting(rawSections, 'One section per place that "drawbridge sync" sends to.'),
});

export type Settings = z.output<typeof settingsSchema>;
