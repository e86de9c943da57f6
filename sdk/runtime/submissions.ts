import { hasCategory, hasCode, TickloomError } from './errors.ts';
import type { Position } from './position.ts';
import type { SessionInfo } from './session.ts';
import type { RecordedAction } from './tick-builder.ts';
import type { Conflict, ConflictCode, TickCommitter, TickOutcome } from './tick-commit.ts';

/** What became of a submitted action; durable when it is here. */
export type ActionVerdict = AcceptedAction | RefusedAction;

interface SettledAction {
  readonly actionId: string;
  /** The position of the tick that settled it. */
  readonly position: Position;
  /** It had been submitted before, here or elsewhere: this is its first verdict, and nothing happened now. */
  readonly repeated: boolean;
}

/** All its effects hold. */
export interface AcceptedAction extends SettledAction {
  readonly accepted: true;
  readonly conflict: null;
}

/** None of its effects holds. */
export interface RefusedAction extends SettledAction {
  readonly accepted: false;
  /** Why; of a repeated action the code alone is remembered. */
  readonly conflict: { readonly code: ConflictCode } & Partial<Conflict>;
}

/** Where submitted actions go. */
export interface SubmissionsParts<Tick> {
  readonly session: SessionInfo;
  readonly committer: TickCommitter<Tick>;
  /** The session as it is now; null: there is none. */
  readonly readSession: () => Promise<SessionInfo | null>;
}

interface Submission {
  readonly actionId: unknown;
  readonly action: RecordedAction;
  readonly resolve: (verdict: ActionVerdict) => void;
  readonly reject: (error: unknown) => void;
  tries: number;
}

/** Ticks sent and not yet answered. */
const inFlightMax = 4;
/** Actions of one tick. */
const tickActionsMax = 4_096;
/** Actions that wait to be sent. */
const waitingMax = 65_536;
/** Ticks that an action is given when others write to its session. */
const triesMax = 8;
/** The last number that a tick may have. */
const tickMax = 2 ** 32 - 2;

/**
 * Actions submitted one by one, sent in ticks. The first goes out at once; what is submitted while
 * ticks are on their way goes together into the next one, so that ticks grow with the load and
 * nothing waits for a timer. Ticks are applied in the order of submission.
 *
 * A turn of the event loop ends before a tick is sent: all who were answered by the last are in it.
 *
 * Each action happens once, by its id (`once`). So a tick whose place another writer took, or that
 * the server refused because of one of its actions, is sent again in other ticks without harm.
 */
export class Submissions<Tick> {
  readonly #parts: SubmissionsParts<Tick>;
  #waiting: Submission[] = [];
  /** Number of the last tick sent, or of the session's last. */
  #lastTick: number | null;
  #inFlight = 0;
  #scheduled = false;
  /** The number of the next tick has to be asked for first. */
  #mustRead = false;
  #reading = false;
  #stopped: TickloomError | null = null;
  #idle: (() => void)[] = [];

  constructor(parts: SubmissionsParts<Tick>) {
    this.#parts = parts;
    this.#lastTick = parts.session.lastTick;
  }

  /** Why nothing is taken any more; null while it is. */
  get stopped(): TickloomError | null {
    return this.#stopped;
  }

  submit(action: RecordedAction): Promise<ActionVerdict> {
    if (this.#stopped) return Promise.reject(this.#stopped);
    if (this.#waiting.length >= waitingMax) return Promise.reject(tooMany());
    return new Promise((resolve, reject) => {
      const { actionId } = action.row as { readonly actionId?: unknown };
      this.#waiting.push({ actionId, action, resolve, reject, tries: 0 });
      this.#schedule();
    });
  }

  /** Resolves when every action so far has its verdict. */
  drain(): Promise<void> {
    return new Promise((resolve) => {
      this.#idle.push(resolve);
      this.#schedule();
    });
  }

  /** Nothing more is taken; what waits or cannot be sent any more is told the error. */
  stop(error: TickloomError): void {
    this.#stopped ??= error;
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }

  /** Sends after whatever runs now, so that what it submits goes into one tick. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    afterThisTurn(() => {
      this.#scheduled = false;
      this.#sendNext();
    });
  }

  #sendNext(): void {
    if (this.#mustRead) {
      if (this.#inFlight === 0 && this.#waiting.length > 0) void this.#readLastTick();
    } else {
      while (this.#inFlight < inFlightMax && this.#waiting.length > 0) void this.#send();
    }
    if (this.#inFlight > 0 || this.#waiting.length > 0 || this.#reading) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  async #send(): Promise<void> {
    const batch = this.#takeBatch();
    const afterTick = this.#lastTick;
    const tick = (afterTick ?? 0) + 1;
    this.#lastTick = tick;
    this.#inFlight += 1;
    try {
      if (tick > tickMax) throw outOfTicks(this.#parts.session.sessionId);
      await this.#commit(batch, tick, afterTick);
    } catch (error) {
      this.#failed(batch, error);
    }
    this.#inFlight -= 1;
    this.#sendNext();
  }

  /** An id is in a tick once: submitted again meanwhile, it waits for the next one. */
  #takeBatch(): Submission[] {
    const ids = new Set<unknown>();
    let count = 0;
    for (const { actionId } of this.#waiting) {
      if (count === tickActionsMax || ids.has(actionId)) break;
      ids.add(actionId);
      count += 1;
    }
    return this.#waiting.splice(0, count);
  }

  /**
   * Commits the actions as one tick. Where the server refuses it as a whole, because of what one of
   * them is, the number is used for the first half, and the other half goes into later ticks: in the
   * end the one alone is told, and the tick is empty, since the next may name it already.
   */
  async #commit(batch: Submission[], tick: number, afterTick: number | null): Promise<void> {
    const { committer, session } = this.#parts;
    const { sessionId, fence } = session;
    for (;;) {
      try {
        const actions = batch.map(({ action }) => action);
        const request = committer.requestOfActions({ sessionId, tick, fence, afterTick }, actions);
        settle(batch, await committer.send(request, {}));
        return;
      } catch (error) {
        if (!isOfOneAction(error) || batch.length === 0) throw error;
        if (batch.length === 1) batch.pop()?.reject(error);
        else this.#waiting.unshift(...batch.splice(Math.ceil(batch.length / 2)));
        if (batch.length > 0 || this.#lastTick !== tick) continue;
        this.#lastTick = afterTick;
        return;
      }
    }
  }

  #failed(batch: readonly Submission[], error: unknown): void {
    const isElsewhere = hasCode(error, 'TICK_OUT_OF_ORDER', 'IDEMPOTENCY_MISMATCH');
    const again = isElsewhere ? batch.filter((submission) => ++submission.tries < triesMax) : [];
    const given = new Set(again);
    for (const submission of batch) if (!given.has(submission)) submission.reject(error);
    this.#waiting.unshift(...again);
    this.#mustRead = true;
    if (hasCode(error, 'FENCED', 'NOT_FOUND')) this.stop(error);
  }

  async #readLastTick(): Promise<void> {
    if (this.#reading) return;
    this.#reading = true;
    try {
      const { session, readSession } = this.#parts;
      const now = await readSession();
      if (!now?.open || now.fence !== session.fence) this.stop(fenced(session.sessionId));
      this.#lastTick = now?.lastTick ?? null;
      this.#mustRead = false;
    } catch (error) {
      for (const { reject } of this.#waiting.splice(0)) reject(error);
    }
    this.#reading = false;
    this.#sendNext();
  }
}

function settle(batch: readonly Submission[], outcome: TickOutcome): void {
  const { position, rejections, repeats } = outcome;
  const told = new Map<number, ActionVerdict | TickloomError>();
  for (const { index, actionId, conflict } of rejections) {
    if (conflict === null) continue;
    told.set(index, { actionId, position, repeated: false, accepted: false, conflict });
  }
  for (const { index, actionId, position: first, conflict: code, sameContent } of repeats) {
    const settled = { actionId, position: first, repeated: true };
    if (!sameContent) told.set(index, otherContent(actionId, first));
    else if (code === null) told.set(index, { ...settled, accepted: true, conflict: null });
    else told.set(index, { ...settled, accepted: false, conflict: { code } });
  }
  batch.forEach(({ actionId, resolve, reject }, index) => {
    const verdict = told.get(index);
    if (verdict instanceof TickloomError) reject(verdict);
    else if (verdict) resolve(verdict);
    else {
      const settled = { actionId: actionId as string, position, repeated: false };
      resolve({ ...settled, accepted: true, conflict: null });
    }
  });
}

/** Whether the server refuses this tick, and would take it without one of its actions. */
function isOfOneAction(error: unknown): boolean {
  if (hasCode(error, 'NOT_FOUND')) return false;
  return hasCategory(error, 'invalid') || hasCode(error, 'FORBIDDEN', 'QUOTA_EXCEEDED');
}

function otherContent(actionId: string, position: Position): TickloomError {
  return new TickloomError(
    'IDEMPOTENCY_MISMATCH',
    `action "${actionId}" was settled at ${position} with other content: an actionId names one action for good`,
    { details: { actionId, position } },
  );
}

function tooMany(): TickloomError {
  return new TickloomError(
    'OVERLOADED',
    `${waitingMax} submitted actions wait to be sent: await some of them before you submit more`,
    { retryAfterMs: 100 },
  );
}

/** As good as closed: no tick comes after the last number. */
function outOfTicks(sessionId: string): TickloomError {
  const message = `session "${sessionId}" has no number left for a tick: open another`;
  return new TickloomError('FENCED', message, { details: { sessionId } });
}

function fenced(sessionId: string): TickloomError {
  return new TickloomError(
    'FENCED',
    `session "${sessionId}" was closed or taken over: open it again to submit to it`,
    { details: { sessionId } },
  );
}

/** Node's `setImmediate` where there is one. */
function afterThisTurn(run: () => void): void {
  const { setImmediate } = globalThis as { setImmediate?: (run: () => void) => unknown };
  if (setImmediate) setImmediate(run);
  else setTimeout(run, 0);
}
