import { TickloomError } from './errors.ts';
import { openSessionInfo, Session } from './session.ts';
import type { ActionVerdict } from './submissions.ts';
import type { ActionOf, ActionRowOf, RecordedAction } from './tick-builder.ts';
import type { TickCommitter } from './tick-commit.ts';
import type { Title } from './title.ts';
import type { Transport } from './transport.ts';

export interface TransactionsParts<Tick> {
  readonly title: Title;
  readonly transport: Transport;
  readonly committer: TickCommitter<Tick>;
  /** The session they go through; undefined: one of a name of its own. */
  readonly sessionId: string | undefined;
}

/**
 * Actions on title-wide rows, which belong to no session: submitted through a session that is opened
 * for them when the first comes, and opened anew after it was lost.
 */
export class Transactions<Tick> {
  readonly #parts: TransactionsParts<Tick>;
  /** What is open; null before the first, and after it was lost. */
  #session: Session<Tick> | null = null;
  #opening: Promise<Session<Tick>> | null = null;
  #closed: Promise<void> | null = null;

  constructor(parts: TransactionsParts<Tick>) {
    this.#parts = parts;
  }

  submit(
    row: ActionRowOf<Tick>,
    build: ((action: ActionOf<Tick>) => unknown) | undefined,
  ): Promise<ActionVerdict> {
    try {
      const action = this.#recorded(row, build);
      const session = this.#session;
      // Who took over a session of that name shall not be shut out in turn.
      const isLost = session?.stopped && this.#parts.sessionId === undefined;
      if (session && !isLost) return session.submitRecorded(action);
      return this.#open().then((opened) => opened.submitRecorded(action));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Resolves once what was submitted has its verdict and the session is closed. */
  close(): Promise<void> {
    this.#closed ??= this.#end();
    return this.#closed;
  }

  #recorded(
    row: ActionRowOf<Tick>,
    build: ((action: ActionOf<Tick>) => unknown) | undefined,
  ): RecordedAction {
    if (this.#closed) throw new TickloomError('REQUEST_ABORTED', 'the client was closed');
    const { committer, title } = this.#parts;
    const action = committer.action(row as object, build);
    for (const { codec } of action.effects) {
      if (title.key(codec.name).includes('sessionId')) throw ofSession(codec.name);
    }
    return action;
  }

  async #end(): Promise<void> {
    await this.#opening?.catch(() => null);
    await this.#session?.close();
  }

  #open(): Promise<Session<Tick>> {
    this.#opening ??= this.#openNew().finally(() => {
      this.#opening = null;
    });
    return this.#opening;
  }

  async #openNew(): Promise<Session<Tick>> {
    const { committer, sessionId, transport } = this.#parts;
    // A name that is given is this process's alone: what another has opened it for is over.
    const takeOver = sessionId !== undefined;
    const opened = await openSessionInfo(transport, sessionId ?? ownName(), { takeOver });
    this.#session = new Session(opened, transport, committer);
    return this.#session;
  }
}

function ownName(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return `transactions-${Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}

function ofSession(table: string): TickloomError {
  return new TickloomError(
    'BAD_USER_INPUT',
    `rows of ${table} belong to a session: submit to it, \`session.submit(…)\``,
    { details: { table } },
  );
}
