import type { TickloomError } from './errors.ts';
import type { Position } from './position.ts';
import { type ActionVerdict, Submissions } from './submissions.ts';
import type { ActionOf, ActionRowOf, RecordedAction } from './tick-builder.ts';
import type { CommitOptions, TickCommitter, TickOutcome } from './tick-commit.ts';
import { type PipelineOptions, TickPipeline } from './tick-pipeline.ts';
import type { CallOptions, Operation, Transport } from './transport.ts';

export interface SessionInfo {
  readonly sessionId: string;
  readonly fence: number;
  /** Null before the first tick. */
  readonly lastTick: number | null;
  readonly position: Position;
  readonly stateHash: string;
  readonly open: boolean;
}

export interface OpenSessionOptions extends CallOptions {
  /** Shut out every writer that opened the session before. */
  readonly takeOver?: boolean | undefined;
}

const sessionFields = 'sessionId fence lastTick position stateHash open';

/** Opening again finds the session open; taking over again would only raise the fence once more. */
const openSession: Operation = {
  name: 'OpenSession',
  kind: 'idempotent',
  document: `mutation OpenSession($input: OpenSessionInput!) { openSession(input: $input) { ${sessionFields} } }`,
};

const closeSession: Operation = {
  name: 'CloseSession',
  kind: 'idempotent',
  document: `mutation CloseSession($input: CloseSessionInput!) { closeSession(input: $input) { ${sessionFields} } }`,
};

const readSession: Operation = {
  name: 'Session',
  kind: 'query',
  document: `query Session($sessionId: ID!) { session(sessionId: $sessionId) { ${sessionFields} } }`,
};

export const sessionOperations: readonly Operation[] = [openSession, closeSession, readSession];

export async function openSessionInfo(
  transport: Transport,
  sessionId: string,
  options: OpenSessionOptions,
): Promise<SessionInfo> {
  const takeOver = options.takeOver ?? false;
  const data = await transport.execute(openSession, { input: { sessionId, takeOver } }, options);
  return data.openSession as SessionInfo;
}

export async function readSessionInfo(
  transport: Transport,
  sessionId: string,
  options: CallOptions,
): Promise<SessionInfo | null> {
  const data = await transport.execute(readSession, { sessionId }, options);
  return data.session as SessionInfo | null;
}

/** One match, opened for writing. All its writes carry the fence it was opened with. */
export class Session<Tick> {
  /** As it was when the session was opened. */
  readonly opened: SessionInfo;
  readonly #transport: Transport;
  readonly #committer: TickCommitter<Tick>;
  #submissions: Submissions<Tick> | null = null;

  constructor(opened: SessionInfo, transport: Transport, committer: TickCommitter<Tick>) {
    this.opened = opened;
    this.#transport = transport;
    this.#committer = committer;
  }

  get sessionId(): string {
    return this.opened.sessionId;
  }

  get fence(): number {
    return this.opened.fence;
  }

  /**
   * Commits one tick and answers once it is durable. Ticks rise strictly; gaps are fine. A tick
   * whose answer was lost is sent again by itself: the server applies it once.
   *
   * Rejected actions are no error: see `TickOutcome.rejections`. Throws `TickloomError`:
   * `TICK_OUT_OF_ORDER`, `FENCED`, `IDEMPOTENCY_MISMATCH`, `BAD_USER_INPUT` and the rest.
   */
  async commit(
    tick: number,
    build: (tick: Tick) => void,
    options: CommitOptions = {},
  ): Promise<TickOutcome> {
    const { sessionId, fence } = this;
    const address = { sessionId, tick, fence, afterTick: null };
    return await this.#committer.send(this.#committer.request(address, build, options), options);
  }

  /** Commits with several ticks on the way at a time, applied in order. */
  pipeline(options: PipelineOptions = {}): TickPipeline<Tick> {
    const { sessionId, fence } = this;
    return new TickPipeline({ sessionId, fence }, this.#committer, options);
  }

  /**
   * Submits one action, with its effects, and answers its own verdict once it is durable. Whatever
   * is submitted while ticks are on their way goes together into the next one; actions are applied
   * in the order in which they are submitted.
   *
   * An action happens once: with an `actionId` that was submitted before, by this process or
   * another one, it answers its first verdict (`repeated`). How long ids are remembered is the
   * server's limit. The ticks and their numbers are made here, so a session either takes
   * submissions or has ticks of its own.
   *
   * A rejected action is no error: see `accepted` and `conflict`. Throws `TickloomError`:
   * `IDEMPOTENCY_MISMATCH` for an id that was used for something else, `FENCED`, `BAD_USER_INPUT`
   * and the rest. Where `outcomeUnknown` is true, submit it again under its id.
   */
  async submit(
    action: ActionRowOf<Tick>,
    effects?: (action: ActionOf<Tick>) => unknown,
  ): Promise<ActionVerdict> {
    return await this.submitRecorded(this.#committer.action(action as object, effects));
  }

  /** @internal */
  submitRecorded(action: RecordedAction): Promise<ActionVerdict> {
    this.#submissions ??= new Submissions({
      session: this.opened,
      committer: this.#committer,
      readSession: () => readSessionInfo(this.#transport, this.sessionId, {}),
    });
    return this.#submissions.submit(action);
  }

  /** @internal Why it takes no submissions any more; null while it does. */
  get stopped(): TickloomError | null {
    return this.#submissions?.stopped ?? null;
  }

  /** The session as it is now. */
  async info(options: CallOptions = {}): Promise<SessionInfo> {
    return (await readSessionInfo(this.#transport, this.sessionId, options)) ?? this.opened;
  }

  /**
   * No more ticks: later ones are `FENCED` until the session is opened again with `takeOver`. What
   * was submitted before gets its verdict first.
   */
  async close(options: CallOptions = {}): Promise<SessionInfo> {
    await this.#submissions?.drain();
    const { sessionId, fence } = this;
    const data = await this.#transport.execute(
      closeSession,
      { input: { sessionId, fence } },
      options,
    );
    return data.closeSession as SessionInfo;
  }
}
