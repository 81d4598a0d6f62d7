// In what order nodes die in a chaos run: every named crash point in each round, random moments and starts between them.
import { CRASH_POINTS, type CrashPoint } from '../../src/kernel/crash-point.ts';
import { LEASE_MS } from '../../src/kernel/lease.ts';
import type { Plan } from './node-keeper.ts';

const RANDOM_PER_ROUND = 4;
const STARTS_PER_ROUND = 4;
/** Late enough that some tasks get by before each death: work goes on in spite of the kills. */
const LATEST_PASS = 12;
const LONGEST_RANDOM_MS = 4_000;
const LONGEST_START_MS = 1_500;
/** Others take over after the lease; the stopped node wakes after that. */
const PAUSE_MS = LEASE_MS + 4_000;

/** The ends of the next `kills` lives; `pauses` of them are stops beyond the lease, spread evenly. With `points` only these come. */
export function makePlans(
  kills: number,
  pauses: number,
  random: () => number,
  points: readonly string[] | null = null,
): Plan[] {
  const plans: Plan[] = [];
  const isWanted = (plan: Plan) => points === null || (plan.kind === 'named' && points.includes(plan.point));
  if (points?.some((point) => !(point in CRASH_POINTS))) throw new Error('There is no such crash point');
  while (plans.length < kills) plans.push(...makeRound(random).filter(isWanted));
  plans.length = kills;
  for (let i = 0; i < pauses; i += 1)
    plans[Math.floor(((i + 0.5) * kills) / pauses)] = { kind: 'pause', forMs: PAUSE_MS };
  return plans;
}

function makeRound(random: () => number): Plan[] {
  const upTo = (most: number) => Math.ceil(random() * most);
  const named = (Object.keys(CRASH_POINTS) as CrashPoint[]).map((point): Plan => {
    // Collections come one at a time.
    return { kind: 'named', point, nth: point === 'kp16' ? 1 : upTo(LATEST_PASS) };
  });
  const others = (count: number, make: () => Plan) => Array.from({ length: count }, make);
  const round = [
    ...named,
    ...others(RANDOM_PER_ROUND, () => ({ kind: 'random', afterMs: upTo(LONGEST_RANDOM_MS) })),
    ...others(STARTS_PER_ROUND, () => ({ kind: 'start', afterMs: upTo(LONGEST_START_MS) })),
  ];
  const ranked = round.map((plan) => ({ plan, rank: random() }));
  return ranked.sort((a, b) => a.rank - b.rank).map(({ plan }) => plan);
}
