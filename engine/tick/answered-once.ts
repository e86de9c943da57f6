import { limits } from '../model/limits.ts';
import { asLsn, type Lsn } from '../model/position.ts';
import { type ConflictCode, conflictCodes } from '../model/system-columns.ts';
import { verdictCode } from '../state/change-set.ts';
import type { FirstVerdicts, VerdictLookup } from '../state/first-verdicts.ts';
import type { BinaryVector } from '../vectors/column-vector.ts';
import { type ActionContents, actionContents } from './action-contents.ts';
import type { TickBatch } from './tick-batch.ts';

/** An action of a tick that was settled before, by another tick: here it did nothing. */
export interface RepeatReport {
  readonly action: number;
  /** The position of the tick that settled it. */
  readonly lsn: Lsn;
  /** What it was rejected for then; null: it was accepted. */
  readonly code: ConflictCode | null;
  /** False: it came with other content than the first, and is answered `IDEMPOTENCY_MISMATCH`. */
  readonly sameContent: boolean;
}

/** Verdicts of actions that were settled before, beside those of conflicts: in the hash chain alone. */
export const repeatedVerdict = 0xff;
export const mismatchedVerdict = 0xfe;

/** Where a tick stands whose actions are answered once. */
export interface OncePlace {
  readonly lsn: Lsn;
  readonly committedAtMs: number;
}

/**
 * A tick whose actions are answered once (`TickHeader.once`): finds those that were settled before,
 * and remembers the verdicts of the others. Like all of settling a pure function of the log: what is
 * forgotten follows from how many ids came after it, and from the times that records carry.
 */
export class AnsweredOnce {
  readonly repeats: readonly RepeatReport[];
  readonly #verdicts: FirstVerdicts;
  readonly #ids: BinaryVector | null;
  readonly #contents: ActionContents;
  readonly #lookup: VerdictLookup | null;
  readonly #place: OncePlace;

  constructor(verdicts: FirstVerdicts, batch: TickBatch, place: OncePlace) {
    const { committedAtMs } = place;
    verdicts.forgetBefore(committedAtMs - limits.firstVerdictsMs, limits.firstVerdictsForgottenMax);
    this.#verdicts = verdicts;
    this.#place = place;
    this.#ids = idsOf(batch);
    this.#contents = actionContents(batch);
    this.#lookup = this.#ids && verdicts.find(this.#ids);
    this.repeats = this.#repeats();
  }

  /** `verdicts`: byte i is that of action i, 0 accepted, else 1 + the conflict's index. */
  remember(verdicts: Uint8Array): void {
    const [ids, lookup] = [this.#ids, this.#lookup];
    if (!ids || !lookup) return;
    const { lsn, committedAtMs } = this.#place;
    for (let row = 0; row < ids.length; row++) {
      if (lookup.numbers[row] !== -1) continue;
      this.#verdicts.add(ids, row, lookup.hashes[row] as number, {
        lsn,
        committedAtMs,
        verdict: verdicts[row] as number,
        contentLow: this.#contents.low[row] as number,
        contentHigh: this.#contents.high[row] as number,
      });
    }
    this.#verdicts.keepNewest(limits.firstVerdictsMax);
  }

  #repeats(): RepeatReport[] {
    const repeats: RepeatReport[] = [];
    const { numbers } = this.#lookup ?? { numbers: new Float64Array(0) };
    for (let action = 0; action < numbers.length; action++) {
      const number = numbers[action] as number;
      if (number === -1) continue;
      const first = this.#verdicts.at(number);
      repeats.push({
        action,
        lsn: asLsn(first.lsn),
        code: verdictCode(first.verdict, conflictCodes),
        sameContent:
          first.contentLow === this.#contents.low[action] &&
          first.contentHigh === this.#contents.high[action],
      });
    }
    return repeats;
  }
}

/** The verdicts with which a tick begins: what was settled before is not settled again. */
export function verdictsBefore(actions: number, repeats: readonly RepeatReport[]): Uint8Array {
  const verdicts = new Uint8Array(actions);
  for (const { action, sameContent } of repeats) {
    verdicts[action] = sameContent ? repeatedVerdict : mismatchedVerdict;
  }
  return verdicts;
}

function idsOf({ actions }: TickBatch): BinaryVector | null {
  const [ids] = actions.vectors;
  return ids?.layout === 'binary' ? ids : null;
}
