import type { Position } from './position.ts';
import { type TickRecorder, tickRecorders } from './tick-builder.ts';
import type { Title } from './title.ts';
import { type CallOptions, type Operation, requestBody, type Transport } from './transport.ts';

export type ConflictCode =
  | 'ROW_NOT_FOUND'
  | 'ROW_EXISTS'
  | 'VERSION_MISMATCH'
  | 'GUARD_FAILED'
  | 'OUT_OF_RANGE';

/** Why an action was rejected, a tick aborted or a swap refused: the first failing effect. */
export interface Conflict {
  readonly code: ConflictCode;
  /** Index of the effect in its action (or among the tick's own). */
  readonly effect: number;
  readonly table: string;
  readonly key: Readonly<Record<string, unknown>>;
  readonly expectedVersion: number | null;
  readonly actualVersion: number | null;
  /** Who wrote the row last. */
  readonly lastWriter: {
    readonly position: Position;
    readonly tick: number | null;
    readonly actionId: string | null;
  } | null;
  readonly message: string;
}

export interface RejectedAction {
  /** Index in the tick's actions. */
  readonly index: number;
  readonly actionId: string;
  readonly conflict: Conflict | null;
}

/** What a committed tick answers; durable when it is here. */
export interface TickOutcome {
  readonly sessionId: string;
  readonly tick: number;
  readonly position: Position;
  /** The tick had been committed before; this is what it answered then. */
  readonly duplicate: boolean;
  /** Nothing of the tick was applied: `ABORT_TICK`, or a conflict of the tick's own effects. */
  readonly aborted: boolean;
  readonly accepted: number;
  readonly rejected: number;
  /** Of the session after this tick, chained to the tick before. */
  readonly stateHash: string;
  /** The conflict of the tick's own effects, where that aborted it. */
  readonly conflict: Conflict | null;
  /** The rejected actions; all others were accepted. */
  readonly rejections: readonly RejectedAction[];
}

export interface CommitOptions extends CallOptions {
  /** What a rejected action does to its tick; `REJECT_ACTION` unless told otherwise. */
  readonly onConflict?: 'REJECT_ACTION' | 'ABORT_TICK' | undefined;
  /** Names the tick when it comes again; session and tick unless told otherwise. */
  readonly idempotencyKey?: string | undefined;
}

export interface TickAddress {
  readonly sessionId: string;
  readonly tick: number;
  readonly fence: number;
  /** The tick that must be the session's last when this one is applied; the server waits for it. */
  readonly afterTick: number | null;
}

/** The fields of `Conflict`. */
export const conflictFields =
  'code effect table key expectedVersion actualVersion message lastWriter { position tick actionId }';

/** One document for every tick of every session: the server parses and checks it once. */
const commitTick: Operation = {
  name: 'CommitTick',
  kind: 'idempotent',
  document: `mutation CommitTick($input: CommitTickInput!) {
  commitTick(input: $input) {
    position sessionId tick duplicate accepted rejected aborted stateHash
    conflict { ${conflictFields} }
    results(only: REJECTED) { index actionId conflict { ${conflictFields} } }
  }
}`,
};

/** Builds ticks into request bodies and sends them. */
export class TickCommitter<Tick> {
  readonly #transport: Transport;
  readonly #recorder: () => TickRecorder<Tick>;

  constructor(title: Title, transport: Transport) {
    this.#transport = transport;
    this.#recorder = tickRecorders<Tick>(title);
  }

  /** The request's body. A tick is built once; each retry sends these very bytes. */
  body(address: TickAddress, build: (tick: Tick) => void, options: CommitOptions): string {
    const { tick, recorded } = this.#recorder();
    const returned: unknown = build(tick);
    if (returned instanceof Promise) {
      throw new TypeError('a tick is built synchronously: fetch what it needs before the commit');
    }
    const { sessionId, fence, afterTick } = address;
    const { onConflict, idempotencyKey } = options;
    const input = {
      sessionId,
      tick: address.tick,
      fence,
      ...(afterTick === null ? {} : { afterTick }),
      ...(onConflict === undefined ? {} : { onConflict }),
      ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
      ...recorded,
    };
    return requestBody(commitTick, { input });
  }

  async send(body: string, options: CallOptions): Promise<TickOutcome> {
    const data = await this.#transport.send(commitTick, body, options);
    const payload = data.commitTick as Omit<TickOutcome, 'rejections'> & {
      readonly results: readonly RejectedAction[];
    };
    this.#transport.positions.see(payload.position);
    const { results, ...outcome } = payload;
    return { ...outcome, rejections: results };
  }
}
