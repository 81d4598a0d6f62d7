// The configured providers as an operator runs them: which sections are in force (the configuration with the secrets set
// at run time over it), and changing a secret without a restart. A new secret is tried before it replaces the one in use,
// on every node the adapter is replaced and never changed, and the one before is closed when its calls are over.
import { type Clock, type Timer, timeoutSignal } from '../kernel/clock.ts';
import type { Config, MissingCredential } from '../kernel/config.ts';
import { maskedParts } from '../kernel/config.ts';
import { credentialFields, ENVIRONMENT_PROVIDERS, requiredFields } from '../kernel/config-externals.ts';
import type { Db } from '../kernel/db.ts';
import { AppError } from '../kernel/errors.ts';
import type { Logger } from '../kernel/log.ts';
import { closeWhenIdle } from './adapter-calls.ts';
import {
  type AdapterWorld,
  explainRefusal,
  findSectionProblems,
  hasAdapter,
  openEntry,
  type RawSection,
  type RawSections,
  sectionsInUse,
} from './configured-providers.ts';
import type { ProviderAdapter } from './provider.ts';
import type { ProviderEntry, Providers } from './providers.ts';
import { SECRETS_CHANNEL, type SecretVault, type StoredSecret } from './secrets.ts';

/** The look behind the signals, for hints that got lost. */
const LOOK_INTERVAL_MS = 30_000;
/** A new secret is tried for this long. */
const TRIAL_TIMEOUT_MS = 30_000;
const LONGEST_SECRET = 16_384;

export interface ManagedProvidersOptions {
  config: Pick<Config, 'providers' | 'providerOrigins' | 'missingCredentials'>;
  vault: SecretVault;
  db: Db;
  clock: Clock;
  log: Logger;
  /** Masks a value in the log from now on. */
  learnSecret: (secret: string) => void;
  openWorld: () => Promise<AdapterWorld>;
}

export interface SecretInput {
  provider: string;
  /** Null: the provider's main credential. */
  field: string | null;
  value: string;
  /** Who sets it: the id of a key or session. */
  by: string;
  /** Store it without a trial. */
  unchecked: boolean;
}

/** Where one credential of a provider comes from; never its value. */
export interface CredentialSource {
  field: string;
  source: 'run_time' | 'configuration' | 'none';
  /** In words, such as `process environment`; null unless the configuration has it. */
  origin: string | null;
  required: boolean;
  setAt: number | null;
}

export class ManagedProviders {
  readonly #options: ManagedProvidersOptions;
  #stored: readonly StoredSecret[];
  #registry: Providers | null = null;
  #openHelpers: () => Promise<readonly ProviderEntry[]> = async () => [];
  /** One change after the other. */
  #work: Promise<unknown> = Promise.resolve();
  #timer: Timer | null = null;
  #unsubscribe: () => void = () => {};
  #isClosed = false;

  private constructor(options: ManagedProvidersOptions, stored: readonly StoredSecret[]) {
    this.#options = options;
    this.#stored = stored;
    for (const secret of stored) this.#mask(secret.value);
  }

  /**
   * Reads the stored secrets and checks every section. Throws `validation_failed` with all problems, each with the name
   * to look at, and `secrets_key_wrong`.
   */
  static async open(options: ManagedProvidersOptions): Promise<ManagedProviders> {
    const managed = new ManagedProviders(options, await options.vault.read());
    const { missingCredentials, providerOrigins } = options.config;
    const isStored = ({ provider, field }: MissingCredential) =>
      managed.#stored.some((secret) => secret.provider === provider && secret.field === field);
    const problems = [
      ...missingCredentials.filter((missing) => !isStored(missing)),
      ...(await findSectionProblems(managed.sections, providerOrigins)),
    ];
    if (problems.length > 0) {
      throw new AppError('validation_failed', {
        detail: problems.map(({ text }) => text).join(' '),
        errors: problems.map(({ key, text }) => ({ pointer: key, detail: text })),
      });
    }
    return managed;
  }

  /** The sections in force: secrets set at run time win. */
  get sections(): RawSections {
    return this.#sectionsWith(this.#stored);
  }

  /** Providers that the environment could set up and nobody has configured. */
  get unconfigured(): string[] {
    const inUse = sectionsInUse(this.sections);
    return ENVIRONMENT_PROVIDERS.filter((name) => hasAdapter(name) && !inUse.includes(name));
  }

  /** Opens the adapters of all sections in use. */
  openEntries(): Promise<ProviderEntry[]> {
    const { sections } = this;
    return Promise.all(sectionsInUse(sections).map((name) => this.#open(name, sections[name] ?? {})));
  }

  /**
   * Says which registry has the entries; from now on they can be replaced. `openHelpers` opens what stands beside real
   * providers, for the first one that comes at run time.
   */
  attach(registry: Providers, openHelpers: () => Promise<readonly ProviderEntry[]>): void {
    this.#registry = registry;
    this.#openHelpers = openHelpers;
  }

  /** Follows what other nodes set, until `close`. */
  start(): void {
    const look = () => void this.#serially(() => this.#follow()).catch(() => {});
    this.#unsubscribe = this.#options.db.onSignal(SECRETS_CHANNEL, look);
    const next = () => {
      this.#timer = this.#options.clock.after(LOOK_INTERVAL_MS, () => {
        look();
        if (!this.#isClosed) next();
      });
    };
    next();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#unsubscribe();
    this.#timer?.cancel();
    await this.#work.catch(() => {});
  }

  /** Each credential that the provider takes, and where it comes from. */
  credentialSources(provider: string): CredentialSource[] {
    const { config } = this.#options;
    return credentialFields(provider).map((field) => {
      const stored = this.#find(provider, field);
      const configured = config.providers[provider]?.[field];
      const isConfigured = configured !== undefined && configured !== null && configured !== '';
      return {
        field,
        source: stored ? 'run_time' : isConfigured ? 'configuration' : 'none',
        origin: isConfigured ? (config.providerOrigins[`providers.${provider}.${field}`] ?? null) : null,
        required: requiredFields(provider).includes(field),
        setAt: stored?.setAt ?? null,
      };
    });
  }

  /** Fields without which the provider cannot work, and which nobody has set. */
  missingCredentials(provider: string): string[] {
    return this.credentialSources(provider)
      .filter(({ required, source }) => required && source === 'none')
      .map(({ field }) => field);
  }

  /**
   * Tries a secret at its provider, stores it and puts it to use on every node; answers with the provider's own remark.
   * Throws `secret_refused` when the trial fails: nothing has changed then. Throws `not_found` for a provider that takes
   * none and `validation_failed` for a value that cannot be one.
   */
  setSecret(input: SecretInput): Promise<{ field: string; note: string | null }> {
    return this.#serially(async () => {
      const { provider, by, unchecked } = input;
      const field = this.#fieldOf(provider, input.field);
      const value = checkedValue(input.value);
      this.#mask(value);
      const fresh = { provider, field, value, revision: '', setAt: 0, setBy: by };
      const others = this.#stored.filter((secret) => secret.provider !== provider || secret.field !== field);
      const entry = await this.#open(provider, this.#sectionsWith([...others, fresh])[provider] ?? {});
      const note = unchecked ? null : await this.#tryOut(entry.adapter, { provider, field });
      await this.#options.vault.save({ provider, field, value, by });
      this.#stored = await this.#options.vault.read();
      await this.#putToUse(provider, entry);
      this.#options.log.info({ provider, field, by, unchecked }, 'a provider secret was set');
      return { field, note };
    });
  }

  /** Removes a secret set at run time; what the configuration has counts again. Throws `not_found` when there is none. */
  clearSecret(provider: string, wantedField: string | null, by: string): Promise<{ field: string }> {
    return this.#serially(async () => {
      const field = this.#fieldOf(provider, wantedField);
      if (!(await this.#options.vault.clear({ provider, field }))) {
        const detail = `No secret of "${provider}" was set at run time. What is in the environment or in a file is changed there.`;
        throw new AppError('not_found', { detail });
      }
      this.#stored = await this.#options.vault.read();
      await this.#reopen(provider);
      this.#options.log.info({ provider, field, by }, 'a provider secret was cleared');
      return { field };
    });
  }

  /** Seals all secrets with a new key; returns how many. Throws `conflict` when the key is a setting. */
  rotateKey(): Promise<number> {
    return this.#serially(() => this.#options.vault.rotate());
  }

  #sectionsWith(stored: readonly StoredSecret[]): RawSections {
    const sections: Record<string, RawSection> = { ...this.#options.config.providers };
    for (const { provider, field, value } of stored)
      sections[provider] = { ...sections[provider], [field]: value };
    return sections;
  }

  #find(provider: string, field: string): StoredSecret | undefined {
    return this.#stored.find((secret) => secret.provider === provider && secret.field === field);
  }

  #fieldOf(provider: string, wanted: string | null): string {
    const fields = hasAdapter(provider) ? credentialFields(provider) : [];
    const [main] = fields;
    if (main === undefined) {
      const detail = hasAdapter(provider)
        ? `The provider "${provider}" takes its secrets from drawbridge.yaml only.`
        : `There is no provider "${provider.slice(0, 60)}" that takes a secret.`;
      throw new AppError('not_found', { detail });
    }
    if (wanted === null || fields.includes(wanted)) return wanted ?? main;
    throw new AppError('validation_failed', {
      detail: `"${provider}" has no secret of that name; it has: ${fields.join(', ')}.`,
    });
  }

  #mask(value: string): void {
    for (const part of maskedParts(value)) this.#options.learnSecret(part);
  }

  async #open(name: string, raw: RawSection): Promise<ProviderEntry> {
    try {
      return await openEntry(name, raw, this.#options.openWorld);
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'validation_failed') throw error;
      const { key, text } = explainRefusal(error, name, this.#options.config.providerOrigins);
      throw new AppError('validation_failed', { detail: text, errors: [{ pointer: key, detail: text }] });
    }
  }

  /** Asks the provider with the new secret; closes the adapter and throws `secret_refused` when it does not work. */
  async #tryOut(
    adapter: ProviderAdapter,
    { provider, field }: { provider: string; field: string },
  ): Promise<string | null> {
    try {
      const { note } = await adapter.probe({ signal: timeoutSignal(this.#options.clock, TRIAL_TIMEOUT_MS) });
      return note;
    } catch (error) {
      await adapter.close();
      const [current] = this.credentialSources(provider).filter((one) => one.field === field);
      const kept =
        current?.source === 'run_time'
          ? 'The one set before stays in use.'
          : current?.source === 'configuration'
            ? `The one from the configuration (${current.origin ?? 'default'}) stays in use.`
            : 'There is still none.';
      const reason = error instanceof Error ? error.message : String(error);
      throw new AppError('secret_refused', {
        detail: `The new ${field} of ${provider} was tried and does not work: ${reason} ${kept}`,
      });
    }
  }

  async #putToUse(provider: string, entry: ProviderEntry): Promise<void> {
    const registry = this.#requireRegistry();
    this.#retire(registry.replace(entry));
    for (const helper of await this.#openHelpers())
      if (!registry.names.includes(helper.adapter.name)) registry.replace(helper);
    // So that what waits for a working credential goes on now and not at the next look.
    await registry.probe(provider);
  }

  /** Brings one provider in line with the sections in force. */
  async #reopen(provider: string): Promise<void> {
    const { sections } = this;
    if (!sectionsInUse(sections).includes(provider)) {
      this.#retire(this.#requireRegistry().remove(provider));
      return;
    }
    await this.#putToUse(provider, await this.#open(provider, sections[provider] ?? {}));
  }

  /** Takes over what other nodes set or cleared. */
  async #follow(): Promise<void> {
    const { vault, log } = this.#options;
    if (this.#isClosed) return;
    try {
      const now = await vault.read();
      const signature = (secrets: readonly StoredSecret[], provider: string) =>
        JSON.stringify(
          secrets.filter((one) => one.provider === provider).map(({ field, revision }) => [field, revision]),
        );
      const before = this.#stored;
      const changed = [...new Set([...before, ...now].map(({ provider }) => provider))].filter(
        (provider) => signature(before, provider) !== signature(now, provider),
      );
      for (const { value } of now) this.#mask(value);
      this.#stored = now;
      for (const provider of changed.filter(hasAdapter)) {
        await this.#reopen(provider);
        log.info({ provider }, 'a provider secret was changed by another node');
      }
    } catch (error) {
      log.error(
        { err: error },
        'secrets set elsewhere could not be taken over; the ones before stay in use here',
      );
    }
  }

  #retire(adapter: ProviderAdapter | null): void {
    if (!adapter) return;
    const { log } = this.#options;
    void closeWhenIdle(adapter, (error) =>
      log.warn({ err: error, provider: adapter.name }, 'a replaced adapter did not close'),
    );
  }

  #requireRegistry(): Providers {
    if (!this.#registry) throw new Error('The registry was not attached');
    return this.#registry;
  }

  #serially<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#work.then(work, work);
    this.#work = result.catch(() => {});
    return result;
  }
}

/** A secret as it was pasted: without line breaks around it. Throws `validation_failed`, without the value. */
function checkedValue(given: string): string {
  const value = given.trim();
  const refuse = (detail: string) => new AppError('validation_failed', { detail });
  if (value === '') throw refuse('The secret is empty.');
  if (value.length > LONGEST_SECRET) throw refuse(`The secret is longer than ${LONGEST_SECRET} characters.`);
  if (/[\r\n]/.test(value))
    throw refuse('The secret has more than one line. Several are separated by commas.');
  return value;
}
