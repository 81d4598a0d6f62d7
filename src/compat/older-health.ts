// `/api/health` in the older words: what each part is, for anybody, so with kinds of trouble and nothing of the inside.
import { errorText, type Language } from '../kernel/errors.ts';
import type { Media } from '../media/media.ts';
import { overallState, type Part } from '../operations/operations.ts';

type State = 'ok' | 'degraded' | 'down' | 'not_configured';

interface Judged {
  state: State;
  reason: string | null;
}

const SEVERITY: readonly State[] = ['ok', 'degraded', 'down'];

function worstOf(parts: readonly Pick<Part, 'state' | 'code'>[], language: Language): Judged {
  const worst = [...parts].sort((a, b) => SEVERITY.indexOf(b.state) - SEVERITY.indexOf(a.state))[0];
  if (!worst || worst.state === 'ok') return { state: 'ok', reason: null };
  return {
    state: worst.state,
    reason: worst.code === null ? 'See /health as administrator.' : errorText(worst.code, language).title,
  };
}

/** Parts as `Health` found them, in the three words that the older page shows. */
export function olderHealth(parts: readonly Part[], media: Pick<Media, 'storeHealth'>, language: Language) {
  const kie = parts.filter(({ name }) => /^provider:kie\b/.test(name));
  const stores = media.storeHealth().filter(({ kind }) => kind === 's3');
  const judged: Record<'kieApi' | 'r2Storage' | 'shareSystem', Judged> = {
    kieApi:
      kie.length > 0
        ? worstOf(kie, language)
        : { state: 'not_configured', reason: 'KIE_AI_API_KEY is not set.' },
    r2Storage:
      stores.length > 0
        ? worstOf(
            stores.map(({ state }) =>
              state === 'resting'
                ? { state: 'down' as const, code: 'storage_unavailable' as const }
                : { state: 'ok' as const, code: null },
            ),
            language,
          )
        : { state: 'not_configured', reason: 'No R2 or S3 store is set up; pictures lie on the disk.' },
    shareSystem: worstOf(
      parts.filter(({ name }) => name === 'database' || name === 'store'),
      language,
    ),
  };
  const reasons = Object.entries(judged).flatMap(([name, { reason }]) =>
    reason === null ? [] : [[name, reason] as const],
  );
  return {
    status: overallState(parts),
    kieApi: judged.kieApi.state,
    r2Storage: judged.r2Storage.state,
    shareSystem: judged.shareSystem.state,
    reasons: Object.fromEntries(reasons),
  };
}
