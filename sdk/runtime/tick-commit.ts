import { badValue } from './bad-value.ts';
import type { Position } from './position.ts';
import {
  type ActionOf,
  type RecordedAction,
  refusePromise,
  type TickRecorders,
  tickRecorders,
} from './tick-builder.ts';
import type { Title } from './title.ts';
import type { CallOptions, Transport } from './transport.ts';

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

/** An action that happens once and was settled before, by another tick. */
export interface RepeatedAction {
  /** Index in the tick's actions. */
  readonly index: number;
  readonly actionId: string;
  /** The position of the tick that settled it. */
  readonly position: Position;
  /** What it was rejected for; null: it was accepted. */
  readonly conflict: ConflictCode | null;
  /** False: its id was used for something else before. */
  readonly sameContent: boolean;
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
  /** The session's hash after this tick, chained to the tick before. */
  readonly stateHash: string;
  /** The conflict of the tick's own effects, where that aborted it. */
  readonly conflict: Conflict | null;
  /** The actions rejected here; but for `repeats` all others were accepted. */
  readonly rejections: readonly RejectedAction[];
  /** The actions that an earlier tick has settled (`once`); here they did nothing. */
  readonly repeats: readonly RepeatedAction[];
}

export interface CommitOptions extends CallOptions {
  /** What a rejected action does to its tick; `REJECT_ACTION` unless told otherwise. */
  readonly onConflict?: 'REJECT_ACTION' | 'ABORT_TICK' | undefined;
  /** Each action happens once, by its `actionId`, whichever tick it comes in: see `TickOutcome.repeats`. */
  readonly once?: boolean | undefined;
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

/** A tick ready to be sent. It is built once; each retry sends these very bytes. */
export interface TickRequest {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** Builds ticks into requests of the commit endpoint, and sends them. */
export class TickCommitter<Tick> {
  readonly #transport: Transport;
  readonly #recorders: TickRecorders<Tick>;

  constructor(title: Title, transport: Transport) {
    this.#transport = transport;
    this.#recorders = tickRecorders<Tick>(title);
  }

  request(address: TickAddress, build: (tick: Tick) => void, options: CommitOptions): TickRequest {
    const recorder = this.#recorders.tick(address.sessionId);
    refusePromise(build(recorder.tick));
    return requestOf(address, recorder.body.encode(), options);
  }

  /** A single action, to be sent in a tick of `requestOfActions`. */
  action(row: object, build: ((action: ActionOf<Tick>) => unknown) | undefined): RecordedAction {
    return this.#recorders.action(row, build);
  }

  requestOfActions(address: TickAddress, actions: readonly RecordedAction[]): TickRequest {
    const body = this.#recorders.bodyOf(address.sessionId, actions);
    return requestOf(address, body, { once: true });
  }

  async send(request: TickRequest, options: CallOptions): Promise<TickOutcome> {
    const answer = await this.#transport.post(
      { name: 'CommitTick', kind: 'idempotent', ...request, answerField: 'position' },
      options,
    );
    const { results, repeated: _r, extensions: _e, ...outcome } = answer as unknown as Answer;
    this.#transport.positions.see(outcome.position);
    const rejections: RejectedAction[] = [];
    const repeats: RepeatedAction[] = [];
    for (const { index, actionId, conflict, first } of results) {
      if (first) repeats.push({ index, actionId, ...first });
      else rejections.push({ index, actionId, conflict });
    }
    return { ...outcome, rejections, repeats };
  }
}

function requestOf(address: TickAddress, body: Uint8Array, options: CommitOptions): TickRequest {
  const { sessionId, tick, fence, afterTick } = address;
  const headers: Record<string, string> = {
    'content-type': 'application/vnd.apache.arrow.stream',
    'x-tickloom-fence': String(fence),
  };
  if (afterTick !== null) headers['x-tickloom-after-tick'] = String(afterTick);
  const { onConflict, idempotencyKey, once } = options;
  if (once) headers['x-tickloom-once'] = 'true';
  if (onConflict !== undefined) headers['x-tickloom-on-conflict'] = onConflict;
  if (idempotencyKey !== undefined) headers['idempotency-key'] = checkedKey(idempotencyKey);
  return {
    path: `sessions/${encodeURIComponent(sessionId)}/ticks/${checkedTick(tick)}`,
    headers,
    body,
  };
}

type Answer = Omit<TickOutcome, 'rejections' | 'repeats'> & {
  readonly results: readonly (RejectedAction & {
    readonly verdict: 'ACCEPTED' | 'REJECTED';
    readonly first?: Omit<RepeatedAction, 'index' | 'actionId'>;
  })[];
  readonly repeated?: number;
  readonly extensions?: unknown;
};

/** A header or a path could not carry others; the server's rules are no wider. */
function checkedKey(key: string): string {
  if (/^[\x21-\x7e]{1,128}$/.test(key)) return key;
  throw badValue('idempotencyKey', key, '1 to 128 visible ASCII characters');
}

function checkedTick(tick: number): number {
  if (Number.isInteger(tick) && tick >= 0 && tick < 2 ** 32 - 1) return tick;
  throw badValue('tick', tick, 'a whole number from 0 to 4294967294');
}
