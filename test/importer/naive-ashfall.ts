import { isCommit, readWireTick } from '../sdk/wire-tick.ts';

/**
 * A few dozen lines of plain maps that answer the SDK as a server with `ashfall` would: sessions,
 * ticks by key, upserts under `require`. The oracle that tests of the importer hold it against.
 */
export class NaiveAshfall {
  readonly sessions = new Map<string, NaiveSession>();
  /** Bodies of `commitTick` as they came, duplicates too. */
  commits = 0;
  /** Answers this many requests with a broken connection after they took effect. */
  loseAnswers = 0;

  readonly fetch: typeof fetch = async (url, init) => {
    const path = new URL(String(url)).pathname;
    const answer = isCommit(path) ? this.#commit(path, init) : this.#ask(String(init?.body));
    if (isCommit(path) && this.loseAnswers > 0) {
      this.loseAnswers -= 1;
      throw new TypeError('fetch failed');
    }
    return new Response(JSON.stringify(answer), {
      headers: { 'content-type': 'application/json' },
    });
  };

  #commit(path: string, init: RequestInit | undefined): object {
    this.commits += 1;
    const headers = init?.headers as Record<string, string>;
    const tick = readWireTick({ path, headers, body: init?.body as Uint8Array });
    return this.#session(tick.sessionId).commit(tick as unknown as NaiveTick);
  }

  #ask(body: string): object {
    const { query, variables } = JSON.parse(body);
    return { data: this.#answer(/(?:mutation|query) (\w+)/.exec(query)?.[1], variables) };
  }

  #answer(name: string | undefined, variables: Variables): object {
    switch (name) {
      case 'OpenSession': {
        const { sessionId } = variables.input;
        if (!this.sessions.has(sessionId)) this.sessions.set(sessionId, new NaiveSession());
        return { openSession: this.#info(sessionId) };
      }
      case 'Session':
        return { session: this.#info(variables.sessionId) };
      default:
        throw new RangeError(`no such operation: ${name}`);
    }
  }

  #session(sessionId: string): NaiveSession {
    const session = this.sessions.get(sessionId);
    if (!session) throw new RangeError(`no session ${sessionId}`);
    return session;
  }

  #info(sessionId: string): object {
    const { lastTick, ticks } = this.#session(sessionId);
    const stateHash = `hash-${ticks.size}`;
    return { sessionId, fence: 1, lastTick, position: `0:${ticks.size}`, stateHash, open: true };
  }
}

export interface NaiveRow {
  readonly [column: string]: unknown;
}

interface Variables {
  readonly sessionId: string;
  readonly input: NaiveTick;
}
interface NaiveTick {
  readonly sessionId: string;
  readonly tick: number;
  readonly actions: readonly NaiveAction[];
  readonly effects: readonly { readonly [table: string]: { readonly append: NaiveRow } }[];
}
interface NaiveAction {
  readonly actionId: string;
  readonly effects: readonly { readonly unitState: { readonly upsert: NaiveUpsert } }[];
  readonly [column: string]: unknown;
}
interface NaiveUpsert {
  readonly key: { readonly unitId: number };
  readonly set: NaiveRow;
  readonly require?: { readonly ownerId: { readonly eq: number } };
}

export class NaiveSession {
  lastTick: number | null = null;
  readonly ticks = new Map<number, { readonly text: string; readonly answer: object }>();
  readonly actions: NaiveAction[] = [];
  readonly events: { readonly tick: number; readonly table: string; readonly row: NaiveRow }[] = [];
  readonly units = new Map<number, NaiveRow>();

  commit(input: NaiveTick): object {
    const text = JSON.stringify([input.actions, input.effects]);
    const known = this.ticks.get(input.tick);
    if (known) {
      if (known.text !== text) throw new RangeError(`tick ${input.tick} differs from its first`);
      return { ...known.answer, duplicate: true };
    }
    if (input.tick <= (this.lastTick ?? -1)) throw new RangeError('a tick out of order');
    this.lastTick = input.tick;
    const results = input.actions.flatMap((action, index) => {
      this.actions.push(action);
      const conflict = this.#apply(action);
      return conflict ? [{ index, actionId: action.actionId, conflict }] : [];
    });
    for (const effect of input.effects) {
      for (const [table, { append }] of Object.entries(effect)) {
        this.events.push({ tick: input.tick, table, row: append });
      }
    }
    const answer = {
      sessionId: input.sessionId,
      tick: input.tick,
      position: `0:${this.ticks.size + 1}`,
      accepted: input.actions.length - results.length,
      rejected: results.length,
      duplicate: false,
      aborted: false,
      stateHash: 'hash',
      results,
    };
    this.ticks.set(input.tick, { text, answer });
    return answer;
  }

  /** All effects of the action or none; what failed first, or null. */
  #apply(action: NaiveAction): object | null {
    const changed = new Map<number, NaiveRow>();
    for (const [effect, { unitState }] of action.effects.entries()) {
      const { key, set, require } = unitState.upsert;
      const row = changed.get(key.unitId) ?? this.units.get(key.unitId);
      if (row && require && row.ownerId !== require.ownerId.eq) {
        return { code: 'GUARD_FAILED', effect, table: 'unitState', key, message: 'guard' };
      }
      changed.set(key.unitId, { ...row, ...set });
    }
    for (const [unitId, row] of changed) this.units.set(unitId, row);
    return null;
  }
}
