import { EngineError } from '../model/errors.ts';
import { limits } from '../model/limits.ts';
import { asLsn, formatPosition, type Lsn } from '../model/position.ts';
import type { Witness } from '../tick/tick-record.ts';

export function witnessOf(lsn: number, stateHash: Uint8Array): Witness {
  return { lsn, hash: Buffer.from(stateHash.subarray(0, 16)).toString('hex') };
}

/** A tick whose replay came to another state than the run that wrote the log. */
export interface Divergence {
  readonly lsn: number;
  /** Null where the log witnesses a record that is no tick at all. */
  readonly session: string | null;
  readonly tick: number | null;
  /** As the log witnesses it. */
  readonly recorded: string;
  /** Null: the replay refuses or aborts what was committed. */
  readonly replayed: string | null;
}

interface Link {
  /** Null: the tick was not applied. */
  readonly hash: string | null;
  readonly session: string;
  readonly tick: number | null;
}

/**
 * Compares a replay with the run that wrote the log: every record of a tick carries the link of
 * the hash chain that an earlier tick came to. The run witnesses only what it applied, so a witness
 * of a tick that the replay did not apply is a divergence as well.
 *
 *     before startLsn ┊ forgotten ┊ applied links, the newest ones   ┊
 *      not replayed   ┊  unknown  ┊  must have what a record has seen ┊
 */
export class ReplayWitness {
  readonly #applied = new Map<number, Link>();
  /** Ticks that were not applied, kept for their names alone. */
  readonly #others = new Map<number, Link>();
  /** The last LSN up to which nothing is known of ticks. */
  #unknownUpTo: number;
  /** Ticks of which a later record vouched. */
  witnessed = 0;

  /** `startLsn`: the position of the checkpoint behind which the replay begins; 0 without one. */
  constructor(startLsn: Lsn) {
    this.#unknownUpTo = startLsn;
  }

  /** To be told of every tick in order; `stateHash` is null for one that was not applied. */
  remember(lsn: number, stateHash: Uint8Array | null, session: string, tick: number | null): void {
    if (stateHash === null) {
      add(this.#others, lsn, { hash: null, session, tick });
      return;
    }
    const forgotten = add(this.#applied, lsn, {
      hash: witnessOf(lsn, stateHash).hash,
      session,
      tick,
    });
    if (forgotten !== null) this.#unknownUpTo = forgotten;
  }

  /** Null when the replay agrees, or cannot know: the tick lies before its checkpoint. */
  check(seen: Witness | null): Divergence | null {
    if (!seen || seen.lsn <= this.#unknownUpTo) return null;
    const link = this.#applied.get(seen.lsn) ?? this.#others.get(seen.lsn);
    this.witnessed++;
    if (link?.hash === seen.hash) return null;
    const { session = null, tick = null, hash = null } = link ?? {};
    return { lsn: seen.lsn, session, tick, recorded: seen.hash, replayed: hash };
  }
}

/** Tells which position had to make room for it. */
function add(links: Map<number, Link>, lsn: number, link: Link): number | null {
  links.set(lsn, link);
  if (links.size <= limits.replayLinksMax) return null;
  const [oldest = null] = links.keys();
  if (oldest !== null) links.delete(oldest);
  return oldest;
}

/** What recovery says: it does not serve a state other than the one that was acknowledged. */
export class DivergenceError extends EngineError {
  readonly divergence: Divergence;

  constructor(divergence: Divergence) {
    const { session, tick, lsn, replayed } = divergence;
    const place = `position ${formatPosition(asLsn(lsn))}`;
    const what = session === null ? place : `tick ${tick} of session "${session}" (${place})`;
    const outcome =
      replayed === null
        ? 'does not apply it, and it was committed'
        : 'gives another state than when it was committed';
    super(
      'UNAVAILABLE',
      `replaying ${what} ${outcome}: this version of the software, or the memory of the machine ` +
        'it ran on, is not the same. Run `tickloom replay verify` to see the tick, and start the ' +
        'version that wrote the log.',
      { details: { ...divergence } },
    );
    this.divergence = divergence;
  }
}
