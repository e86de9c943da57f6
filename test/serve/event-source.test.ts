import { EventSource } from 'eventsource';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { codeOf, Sandbox } from './sandbox.ts';

const subscription = `subscription {
  matchPulseChanges { kind cursor position rows { sessionId actions } }
}`;

interface Frame {
  readonly kind: string;
  readonly cursor: string;
  readonly rows: readonly { readonly sessionId: string; readonly actions: number }[];
}

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await Sandbox.withMatch();
});
afterAll(() => sandbox.stop());

/** A client of the package `eventsource`, which is what browsers have, with a header for the token. */
class Follower {
  readonly frames: Frame[] = [];
  /** The `Last-Event-ID` of each connection. */
  readonly resumedFrom: (string | null)[] = [];
  readonly #source: EventSource;
  #wake: () => void = () => undefined;

  constructor(authorization: string) {
    const url = `${sandbox.url}/ashfall/graphql?query=${encodeURIComponent(subscription)}`;
    this.#source = new EventSource(url, {
      fetch: (input, init) => {
        const headers = new Headers(init.headers as HeadersInit);
        this.resumedFrom.push(headers.get('last-event-id'));
        headers.set('authorization', authorization);
        return fetch(input, { ...init, headers } as RequestInit);
      },
    });
    this.#source.addEventListener('next', (event) => {
      const { data } = JSON.parse(event.data as string);
      this.frames.push(data.matchPulseChanges);
      this.#wake();
    });
  }

  /** The first frame that is `wanted`, of those to come and those that came. */
  async until(wanted: (frame: Frame) => boolean): Promise<Frame> {
    for (;;) {
      const found = this.frames.find(wanted);
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  close(): void {
    this.#source.close();
  }
}

const actionsOf = (frame: Frame) =>
  frame.rows.find(({ sessionId }) => sessionId === 'match')?.actions;

describe('an EventSource', () => {
  test('follows a view, and goes on behind its last event when the server comes back', async () => {
    const follower = new Follower((await sandbox.authorization('liveops')).authorization);
    const first = await follower.until(({ kind }) => kind === 'SNAPSHOT');
    expect(Number(actionsOf(first))).toBe(4);
    expect(codeOf(await sandbox.commit('match', 3))).toBe('OK');
    const delta = await follower.until((frame) => Number(actionsOf(frame)) === 6);
    expect(delta.kind).toBe('DELTA');
    await sandbox.restart();
    expect(codeOf(await sandbox.commit('match', 4))).toBe('OK');
    const resumed = await follower.until((frame) => Number(actionsOf(frame)) === 8);
    // No snapshot again: the client went on where it was.
    expect(resumed.kind).toBe('DELTA');
    expect(follower.frames.filter(({ kind }) => kind === 'SNAPSHOT')).toHaveLength(1);
    const [begun, ...others] = follower.resumedFrom;
    expect(begun).toBeNull();
    const cursors = follower.frames.map(({ cursor }) => cursor);
    expect(cursors).toContain(others.at(-1));
    follower.close();
  }, 60_000);
});
