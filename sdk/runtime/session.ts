import type { Position } from './position.ts';
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

  /** The session as it is now. */
  async info(options: CallOptions = {}): Promise<SessionInfo> {
    return (await readSessionInfo(this.#transport, this.sessionId, options)) ?? this.opened;
  }

  /** No more ticks: later ones are `FENCED` until the session is opened again with `takeOver`. */
  async close(options: CallOptions = {}): Promise<SessionInfo> {
    const { sessionId, fence } = this;
    const data = await this.#transport.execute(
      closeSession,
      { input: { sessionId, fence } },
      options,
    );
    return data.closeSession as SessionInfo;
  }
}
