import { Session } from 'chdb';

/**
 * Connections to the one engine of the process. Database, settings and parameters are a
 * connection's own; a used one is set back to defaults before it serves again. One that was read-only cannot be set
 * back and is closed.
 */
export class SessionPool {
  readonly #directory: string;
  readonly #connectionArgs: readonly string[];
  readonly #idle: Session[] = [];

  constructor(directory: string, connectionArgs: readonly string[]) {
    this.#directory = directory;
    this.#connectionArgs = connectionArgs;
  }

  borrow(): Session {
    return (
      this.#idle.pop() ??
      new Session(this.#directory, { connectionArgs: [...this.#connectionArgs] })
    );
  }

  /** Gives back a session whose query is over. */
  async release(session: Session, settings: Iterable<string>): Promise<void> {
    const names = [...settings];
    try {
      if (names.includes('readonly') || this.#idle.length >= idleMax) {
        session.close();
        return;
      }
      if (names.length > 0) {
        const defaults = names.map((name) => `${name} = DEFAULT`).join(', ');
        await session.queryAsync(`USE default; SET ${defaults}`);
      }
      this.#idle.push(session);
    } catch {
      session.close();
    }
  }

  close(): void {
    for (const session of this.#idle.splice(0)) session.close();
  }
}

const idleMax = 8;
