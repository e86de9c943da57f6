import { limits } from '../model/limits.ts';
import { type ConflictCode, conflictCodes } from '../model/system-columns.ts';
import { verdictCode } from '../state/change-set.ts';
import type { FirstVerdicts } from '../state/first-verdicts.ts';
import { type BinaryVector, valueAt } from '../vectors/column-vector.ts';
import { BrokenInvariant } from './broken-invariant.ts';
import type { SettledTick } from './session-shadow.ts';

interface Known {
  readonly lsn: number;
  readonly committedAtMs: number;
  readonly code: ConflictCode | null;
}

/** The first verdicts of actions that are answered once, by a map, to hold each tick against. */
export class VerdictShadow {
  readonly #verdicts: FirstVerdicts;
  /** In the order in which they were given. */
  readonly #known = new Map<string, Known>();

  /** Takes the verdicts as they are. */
  constructor(verdicts: FirstVerdicts) {
    this.#verdicts = verdicts;
    for (let number = verdicts.first; number < verdicts.end; number++) {
      const { lsn, committedAtMs, verdict } = verdicts.at(number);
      const code = verdictCode(verdict, conflictCodes);
      this.#known.set(verdicts.idAt(number), { lsn, committedAtMs, code });
    }
    this.#checkSize();
  }

  /** `tick` null: a session's record. Throws `BrokenInvariant`. */
  check(tick: SettledTick | null): void {
    if (tick?.settlement.kind === 'applied' && tick.logged.batch.header.once) this.#take(tick);
    this.#checkSize();
    const ids = tick?.logged.batch.actions.vectors[0];
    if (ids?.layout === 'binary') this.#checkFound(ids);
  }

  #take({ logged, settlement }: SettledTick): void {
    if (settlement.kind !== 'applied') return;
    const { lsn, committedAtMs, batch } = logged;
    this.#forget(committedAtMs - limits.firstVerdictsMs, limits.firstVerdictsForgottenMax);
    const [ids] = batch.actions.vectors;
    const repeats = new Map(settlement.repeats.map((repeat) => [repeat.action, repeat]));
    const codes = new Map(settlement.conflicts.map(({ action, code }) => [action, code]));
    for (let action = 0; ids && action < batch.actions.length; action++) {
      const id = valueAt(ids, action) as string;
      const known = this.#known.get(id);
      const repeat = repeats.get(action);
      if (known?.lsn !== repeat?.lsn || (known && known.code !== repeat?.code)) {
        throw broken(id, `is answered another verdict at ${lsn} than it was first`);
      }
      if (!known) this.#known.set(id, { lsn, committedAtMs, code: codes.get(action) ?? null });
    }
    for (const id of this.#known.keys()) {
      if (this.#known.size <= limits.firstVerdictsMax) break;
      this.#known.delete(id);
    }
  }

  #forget(beforeMs: number, count: number): void {
    let left = count;
    for (const [id, { committedAtMs }] of this.#known) {
      if (committedAtMs >= beforeMs || left-- === 0) return;
      this.#known.delete(id);
    }
  }

  #checkSize(): void {
    const { size } = this.#verdicts;
    if (size === this.#known.size) return;
    throw broken(null, `are ${size}, not ${this.#known.size}`);
  }

  /** What is known is found under its id, and nothing else is. */
  #checkFound(ids: BinaryVector): void {
    const { numbers } = this.#verdicts.find(ids);
    for (let row = 0; row < ids.length; row++) {
      const id = valueAt(ids, row) as string;
      const number = numbers[row] as number;
      const lsn = number === -1 ? undefined : this.#verdicts.at(number).lsn;
      if (lsn !== this.#known.get(id)?.lsn) throw broken(id, 'is not found as it was remembered');
    }
  }
}

function broken(id: string | null, complaint: string): BrokenInvariant {
  const key = id === null ? null : `actionId=${id}`;
  return new BrokenInvariant('verdicts', { place: 'first verdicts', key }, complaint);
}
