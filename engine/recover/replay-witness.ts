import { EngineError } from '../errors.ts';
import { asLsn, formatPosition } from '../position.ts';
import type { Witness } from '../tick/tick-record.ts';

/** Links remembered: more than commits can be between a tick's application and its witness. */
const linksMax = 65_536;

export function witnessOf(lsn: number, stateHash: Uint8Array): Witness {
  return { lsn, hash: Buffer.from(stateHash.subarray(0, 16)).toString('hex') };
}

/** A tick whose replay came to another state than the run that wrote the log. */
export interface Divergence {
  readonly lsn: number;
  readonly session: string;
  readonly tick: number | null;
  /** As the log witnesses it. */
  readonly recorded: string;
  readonly replayed: string;
}

/**
 * Compares a replay with the run that wrote the log: every record of a tick carries the link of
 * the hash chain that an earlier tick came to.
 */
export class ReplayWitness {
  readonly #links = new Map<number, { hash: string; session: string; tick: number | null }>();
  /** Ticks of which a later record vouched. */
  witnessed = 0;

  remember(lsn: number, stateHash: Uint8Array, session: string, tick: number | null): void {
    this.#links.set(lsn, { hash: witnessOf(lsn, stateHash).hash, session, tick });
    if (this.#links.size <= linksMax) return;
    const [oldest] = this.#links.keys();
    if (oldest !== undefined) this.#links.delete(oldest);
  }

  /** Null when the replay agrees, or did not see the tick (it lies before a checkpoint). */
  check(seen: Witness | null): Divergence | null {
    const link = seen ? this.#links.get(seen.lsn) : undefined;
    if (!seen || !link) return null;
    this.witnessed++;
    if (link.hash === seen.hash) return null;
    const { session, tick } = link;
    return { lsn: seen.lsn, session, tick, recorded: seen.hash, replayed: link.hash };
  }
}

/** What recovery says: it does not serve a state other than the one that was acknowledged. */
export function divergenceError(divergence: Divergence): EngineError {
  const { session, tick, lsn } = divergence;
  return new EngineError(
    'UNAVAILABLE',
    `replaying tick ${tick} of session "${session}" (position ${formatPosition(asLsn(lsn))}) gives ` +
      'another state than when it was committed: this version of the software, or the memory of ' +
      'the machine it ran on, is not the same. Run `tickloom replay verify` to see the tick, and ' +
      'start the version that wrote the log.',
    { details: { ...divergence } },
  );
}
