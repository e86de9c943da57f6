import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FrameSocket } from './frame-socket.ts';
import { Sandbox } from './sandbox.ts';
import { readEvents } from './server-sent.ts';

const pulse = `subscription Pulse($session: ID!, $withTick: Boolean!, $maxRate: Float) {
  matchPulseChanges(where: { sessionId: { eq: $session } }, maxRate: $maxRate) {
    kind cursor position tick @include(if: $withTick) rows { ...counts }
  }
}
fragment counts on MatchPulse { sessionId actions }`;

let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await Sandbox.start();
});
afterAll(() => sandbox.stop());

interface Payload {
  readonly data: { readonly matchPulseChanges: Record<string, unknown> };
  readonly extensions: { readonly tickloom: Record<string, unknown> };
}

class Subscriber {
  readonly #socket: FrameSocket;
  readonly #id: string;

  private constructor(socket: FrameSocket, id: string) {
    this.#socket = socket;
    this.#id = id;
  }

  static async begin(
    id: string,
    variables: Record<string, unknown>,
    parameters: Record<string, unknown> = {},
    role = 'liveops',
  ): Promise<Subscriber> {
    const authorization = await sandbox.authorization(role);
    const socket = await FrameSocket.connect(sandbox.url, { ...authorization, ...parameters });
    const subscriber = new Subscriber(socket, id);
    socket.subscribe(id, pulse, variables);
    await subscriber.next();
    return subscriber;
  }

  async next(): Promise<Payload> {
    const { type, payload } = await this.#socket.receive((message) => message.id === this.#id);
    expect(type).toBe('next');
    return payload as Payload;
  }

  close(): void {
    this.#socket.close();
  }
}

/** The next frame of each, after a tick of the session. */
async function afterTick(
  session: string,
  tick: number,
  subscribers: readonly Subscriber[],
): Promise<Payload[]> {
  await sandbox.commit(session, tick);
  const frames = await Promise.all(subscribers.map((subscriber) => subscriber.next()));
  return frames;
}

describe('a frame of one view, where and selection', () => {
  test('is answered once for all subscribers, each under the id it chose', async () => {
    await sandbox.openSession('once');
    await sandbox.commit('once', 1);
    const variables = { session: 'once', withTick: true };
    const subscribers = await Promise.all([
      Subscriber.begin('1', variables),
      Subscriber.begin('an "id" of its own, ü', variables),
      Subscriber.begin('3', { ...variables, maxRate: 1000 }),
    ]);
    const [first, ...others] = await afterTick('once', 2, subscribers);
    expect(first?.data.matchPulseChanges).toMatchObject({
      kind: 'DELTA',
      tick: 2,
      rows: [{ sessionId: 'once', actions: 4 }],
    });
    // How long the answer took is told to a microsecond: equal where it was made once.
    expect(first?.extensions.tickloom.elapsedMs).toEqual(expect.any(Number));
    for (const other of others) expect(other).toEqual(first);
    for (const subscriber of subscribers) subscriber.close();
  });

  test('is answered as each asked, where selections differ by a variable', async () => {
    await sandbox.openSession('variables');
    await sandbox.commit('variables', 1);
    const subscribers = await Promise.all([
      Subscriber.begin('1', { session: 'variables', withTick: true }),
      Subscriber.begin('1', { session: 'variables', withTick: false }),
    ]);
    const [withTick, without] = await afterTick('variables', 2, subscribers);
    expect(withTick?.data.matchPulseChanges.tick).toBe(2);
    expect(without?.data.matchPulseChanges).not.toHaveProperty('tick');
    expect(without?.data.matchPulseChanges.rows).toEqual(withTick?.data.matchPulseChanges.rows);
    for (const subscriber of subscribers) subscriber.close();
  });

  test('tells each the class it has', async () => {
    await sandbox.openSession('classes');
    await sandbox.commit('classes', 1);
    const variables = { session: 'classes', withTick: true };
    const subscribers = await Promise.all([
      Subscriber.begin('1', variables),
      Subscriber.begin('1', variables, { 'x-tickloom-class': 'ARCHIVAL' }),
    ]);
    const frames = await afterTick('classes', 2, subscribers);
    expect(frames.map(({ extensions }) => extensions.tickloom.class)).toEqual([
      'OPERATOR',
      'ARCHIVAL',
    ]);
    for (const subscriber of subscribers) subscriber.close();
  });

  test('tells where it stands itself, frame after frame', async () => {
    await sandbox.openSession('places');
    await sandbox.commit('places', 1);
    const subscriber = await Subscriber.begin('1', { session: 'places', withTick: true });
    for (const tick of [2, 3]) {
      const [frame] = await afterTick('places', tick, [subscriber]);
      expect(frame?.extensions.tickloom.position).toBe(frame?.data.matchPulseChanges.position);
    }
    subscriber.close();
  });

  test('is the same on an event stream and on a WebSocket', async () => {
    await sandbox.openSession('roads');
    await sandbox.commit('roads', 1);
    const variables = { session: 'roads', withTick: true };
    const subscriber = await Subscriber.begin('1', variables);
    const abort = new AbortController();
    const response = await fetch(`${sandbox.url}/ashfall/graphql`, {
      method: 'POST',
      headers: {
        ...(await sandbox.authorization('liveops')),
        accept: 'text/event-stream',
        'content-type': 'application/json',
      },
      body: JSON.stringify({ query: pulse, variables }),
      signal: abort.signal,
    });
    const events = readEvents(response);
    await events.next();
    const [frame] = await afterTick('roads', 2, [subscriber]);
    const { value: event } = await events.next();
    expect(event?.extensions).toEqual(frame?.extensions);
    expect(event?.frame).toEqual(frame?.data.matchPulseChanges);
    abort.abort();
    subscriber.close();
  });
});
