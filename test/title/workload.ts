import { createHash } from 'node:crypto';
import type { EffectInput } from '../../engine/intake/rows/row-input.ts';
import type { Engine } from '../../engine/ports/engine.ts';
import { seededRandom } from '../fault/seeded-random.ts';
import { testTicket } from '../ticket.ts';
import { commit, contentOf, insertUnit, setUnit } from './test-title.ts';

export const sessions = ['s', 't'] as const;

/** One record of the log: a session opened or taken over, or a tick. */
export interface Step {
  /** Later steps need its answer. */
  readonly alone: boolean;
  run(engine: Engine): Promise<unknown>;
}

/**
 * So many steps that the seed determines, each of which is one record of the log: two matches with
 * every kind of effect, conflicts, aborted ticks, a take-over, actions that are answered once and
 * come again in other ticks, and rows enough for several pages of values.
 */
export function workload(seed: number, ticks: number): Step[] {
  const random = seededRandom(seed);
  const below = (n: number) => Math.floor(random() * n);
  const ofIds = seededRandom(seed + 1);
  const open = (session: string, takeOver: boolean): Step => {
    return { alone: true, run: (engine) => engine.openSession(testTicket, session, takeOver) };
  };
  const steps = sessions.map((session) => open(session, false));
  const fences: Record<string, number> = { s: 1, t: 1 };
  for (let tick = 1; tick <= ticks; tick++) {
    const session = sessions[below(2)] as string;
    if (tick % 9 === 0) {
      fences[session] = (fences[session] as number) + 1;
      steps.push(open(session, true));
    }
    const actions = Array.from({ length: 1 + below(6) }, () =>
      Array.from({ length: below(4) }, () => anyEffect(below)),
    );
    const policy = below(5) === 0 ? ('ABORT_TICK' as const) : ('REJECT_ACTION' as const);
    const idempotencyKey = below(4) === 0 ? `${session}-${tick}` : null;
    const own = below(3) === 0 ? [metric(tick)] : [];
    // Few ids: most of these actions have come before, with other content or the same.
    const once = ofIds() < 0.3;
    const firstId = Math.floor(ofIds() * 12);
    const actionIds = once ? actions.map((_, i) => `once-${(firstId + i) % 12}`) : undefined;
    const header = {
      sessionId: session,
      fence: fences[session] as number,
      onConflict: once ? ('REJECT_ACTION' as const) : policy,
      idempotencyKey,
      once,
    };
    const effects = once ? [] : own;
    steps.push({
      alone: false,
      run: (engine) => commit(engine, tick, { actions, effects, header, actionIds }),
    });
  }
  return steps;
}

function anyEffect(below: (n: number) => number): EffectInput {
  const unitId = below(12);
  const key = { unitId };
  const require = below(3) === 0 ? { ownerId: { eq: below(2) } } : null;
  switch (below(7)) {
    case 0:
      return insertUnit(unitId, { blueprint: 'b'.repeat(below(60)) });
    case 1:
      return { op: 'delete', table: 'unitState', key, expectedVersion: null, require };
    case 2: {
      const set = { health: below(9), blueprint: `v${below(99)}` };
      return { op: 'compareAndSet', table: 'unitState', key, expectedVersion: 1, set, require };
    }
    case 3:
      return {
        op: 'adjust',
        table: 'unitState',
        key,
        add: { x: below(9), targetUnitId: -1 },
        require,
      };
    case 4:
      return metric(below(100));
    case 5: {
      const row = { playerId: below(5), rating: below(2000), matchesPlayed: 0, suspended: false };
      return { op: 'insert', table: 'playerProfile', row };
    }
    default:
      return setUnit(unitId, { ownerId: below(2), y: below(50) }, require);
  }
}

function metric(value: number): EffectInput {
  return { op: 'append', table: 'matchMetrics', row: { name: `m${value % 3}`, value } };
}

export function contentDigest(engine: Engine): string {
  const text = JSON.stringify(contentOf(engine, sessions), (_, value: unknown) =>
    typeof value === 'bigint' ? String(value) : value,
  );
  return createHash('sha256').update(text).digest('hex');
}

/** Runs the steps one after the other; the content after each, by position. */
export async function playOneByOne(engine: Engine, steps: readonly Step[]): Promise<string[]> {
  const contents: string[] = [];
  for (const step of steps) {
    await step.run(engine);
    contents[engine.appliedLsn] = contentDigest(engine);
  }
  return contents;
}

/**
 * Runs the steps from `from` on, up to so many at a time, until one fails. The number of steps
 * that were acknowledged, those before `from` included.
 */
export async function play(
  engine: Engine,
  steps: readonly Step[],
  from: number,
  inFlight: number,
): Promise<number> {
  for (let at = from; at < steps.length; ) {
    const group: Promise<unknown>[] = [];
    while (at < steps.length && group.length < inFlight) {
      const step = steps[at] as Step;
      if (step.alone && group.length > 0) break;
      group.push(step.run(engine));
      at++;
      if (step.alone) break;
    }
    const outcomes = await Promise.allSettled(group);
    const failed = outcomes.findIndex(({ status }) => status === 'rejected');
    if (failed !== -1) return at - group.length + failed;
  }
  return steps.length;
}
