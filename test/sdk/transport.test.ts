import type { ClientOptions, ResponseInfo } from '@tickloom/sdk';
import { afterEach, describe, expect, it } from 'vitest';
import { AshfallClient } from '../../examples/ashfall/tickloom.ts';
import { data, failure, type Script, ScriptedServer } from './scripted-server.ts';

let server: ScriptedServer;
afterEach(() => server.close());

async function scriptedClient(script: Script, options: Partial<ClientOptions>) {
  server = await ScriptedServer.start(script);
  const retry = { baseMs: 1, maxMs: 4, ...options.retry };
  return new AshfallClient({ url: server.url, token: 'secret', ...options, retry });
}

const key = { sessionId: 'm1', unitId: 7 };
const row = {
  sessionId: 'm1',
  unitId: 7,
  ownerId: 3,
  version: 2,
  position: '0:9',
  committedAt: '2026-01-31T12:00:00.000Z',
};
const session = {
  sessionId: 'm1',
  fence: 1,
  lastTick: null,
  position: '0:1',
  stateHash: 'ab',
  open: true,
};

describe.each([
  ["by Node's HTTP client", {}],
  ['by fetch', { fetch }],
] as const)('transport %s', (_name, how) => {
  const clientOf = (script: Script, options: Partial<ClientOptions> = {}) =>
    scriptedClient(script, { ...how, ...options });

  it('sends the token, the operation and its variables to the title', async () => {
    const client = await clientOf(() => data({ unitState: row }));
    const unit = await client.unitState.get(key);
    expect(unit).toEqual({ ...row, committedAt: new Date('2026-01-31T12:00:00.000Z') });
    const [request] = server.requests;
    expect(request?.path).toBe('/ashfall/graphql');
    expect(request?.headers.authorization).toBe('Bearer secret');
    expect(request?.variables).toEqual({ key });
  });

  it('demands of every read the highest position any answer has named', async () => {
    const positions = ['0:9', '0:12', '0:10', undefined];
    const client = await clientOf((_request, i) => data({ unitState: null }, positions[i]));
    for (let i = 0; i < 4; i += 1) await client.unitState.get(key);
    expect(server.requests.map((r) => r.headers['x-tickloom-read-after'])).toEqual([
      undefined,
      '0:9',
      '0:12',
      '0:12',
    ]);
    expect(client.position).toBe('0:12');
  });

  it('compares positions as numbers', async () => {
    const positions = ['0:9', '0:10'];
    const client = await clientOf((_request, i) => data({ unitState: null }, positions[i]));
    await client.unitState.get(key);
    await client.unitState.get(key);
    expect(client.position).toBe('0:10');
  });

  it('repeats a query whose connection broke until it is answered', async () => {
    const client = await clientOf((_request, i) => (i < 3 ? 'drop' : data({ unitState: null })));
    expect(await client.unitState.get(key)).toBeNull();
    expect(server.requests).toHaveLength(4);
  });

  it('gives up after the last attempt with the error of the network', async () => {
    const client = await clientOf(() => 'drop', { retry: { attemptsMax: 3 } });
    await expect(client.unitState.get(key)).rejects.toMatchObject({
      code: 'NETWORK_FAILED',
      category: 'network',
      outcomeUnknown: true,
    });
    expect(server.requests).toHaveLength(3);
  });

  it('does not repeat a swap whose answer was lost', async () => {
    const client = await clientOf(() => 'drop');
    const swap = client.unitState.compareAndSet(key, 2, { ownerId: 4 });
    await expect(swap).rejects.toMatchObject({ code: 'NETWORK_FAILED', outcomeUnknown: true });
    expect(server.requests).toHaveLength(1);
  });

  it('repeats a swap that an overloaded server has refused', async () => {
    const swapped = { position: '0:3', row, conflict: null };
    const client = await clientOf((_request, i) =>
      i === 0 ? failure('OVERLOADED') : data({ compareAndSetUnitState: swapped }),
    );
    const result = await client.unitState.compareAndSet(key, 2, { ownerId: 4 });
    expect(result).toMatchObject({ applied: true, position: '0:3' });
    expect(server.requests).toHaveLength(2);
  });

  it('repeats a swap that could not reach the server at all', async () => {
    const codes: (string | undefined)[] = [];
    const client = await clientOf(() => 'drop', {
      retry: { attemptsMax: 3 },
      onResponse: ({ error }) => codes.push(error?.code),
    });
    await server.close();
    const swap = client.unitState.compareAndSet(key, 2, { ownerId: 4 });
    await expect(swap).rejects.toMatchObject({ details: { connected: false } });
    expect(codes).toEqual(['NETWORK_FAILED', 'NETWORK_FAILED', 'NETWORK_FAILED']);
  });

  it('waits at least as long as the server asks', async () => {
    const seen: number[] = [];
    const client = await clientOf((_request, i) => {
      seen.push(performance.now());
      return i === 0 ? failure('RATE_LIMITED', { retryAfterMs: 80 }) : data({ unitState: null });
    });
    await client.unitState.get(key);
    const [first = 0, second = 0] = seen;
    // Timers may fire a millisecond early.
    expect(second - first).toBeGreaterThanOrEqual(79);
  });

  it('does not wait longer than the caller allows', async () => {
    const client = await clientOf(() => failure('RATE_LIMITED', { retryAfterMs: 3_600_000 }));
    await expect(client.unitState.get(key)).rejects.toMatchObject({
      code: 'RATE_LIMITED',
      retryAfterMs: 3_600_000,
    });
    expect(server.requests).toHaveLength(1);
  });

  it.each(['BAD_USER_INPUT', 'FORBIDDEN', 'FENCED', 'QUERY_TIMEOUT', 'INTERNAL'])(
    'does not repeat a query that failed with %s',
    async (code) => {
      const client = await clientOf(() => failure(code, { requestId: 'r1', details: { a: 1 } }));
      await expect(client.unitState.get(key)).rejects.toMatchObject({
        code,
        requestId: 'r1',
        details: { a: 1 },
        message: `it is ${code}`,
      });
      expect(server.requests).toHaveLength(1);
    },
  );

  it('takes a code it does not know as INTERNAL and names it', async () => {
    const client = await clientOf(() => failure('BRAND_NEW'));
    await expect(client.unitState.get(key)).rejects.toMatchObject({
      code: 'INTERNAL',
      details: { serverCode: 'BRAND_NEW' },
    });
  });

  it('asks once for another token when the server refuses the last', async () => {
    let asked = 0;
    const token = () => {
      asked += 1;
      return `token-${asked}`;
    };
    const client = await clientOf(
      (request) =>
        request.headers.authorization === 'Bearer token-2'
          ? data({ unitState: null })
          : failure('TOKEN_EXPIRED', {}, 401),
      { token },
    );
    await Promise.all([client.unitState.get(key), client.unitState.get(key)]);
    expect(asked).toBe(2);
  });

  it('gives up when the second token is refused too', async () => {
    let asked = 0;
    const token = async () => {
      asked += 1;
      return `token-${asked}`;
    };
    const client = await clientOf(() => failure('UNAUTHENTICATED', {}, 401), { token });
    await expect(client.unitState.get(key)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    expect(asked).toBe(2);
    expect(server.requests).toHaveLength(2);
  });

  it('understands a proxy that answers for the server', async () => {
    const client = await clientOf((_request, i) =>
      i === 0
        ? { status: 503, body: '<html>busy</html>', headers: { 'content-type': 'text/html' } }
        : data({ unitState: null }),
    );
    expect(await client.unitState.get(key)).toBeNull();
    expect(server.requests).toHaveLength(2);
  });

  it('counts an answer that is cut off as lost', async () => {
    const client = await clientOf((_request, i) =>
      i > 0
        ? data({ unitState: null })
        : (response) => {
            response.writeHead(200, { 'content-length': '100' });
            response.write('{"data":', () => response.socket?.destroy());
          },
    );
    expect(await client.unitState.get(key)).toBeNull();
    expect(server.requests).toHaveLength(2);
  });

  it('tells a timeout from a broken connection', async () => {
    const client = await clientOf(() => () => undefined, { timeoutMs: 20 });
    await expect(client.unitState.compareAndSet(key, 2, { ownerId: 4 })).rejects.toMatchObject({
      code: 'REQUEST_TIMEOUT',
      outcomeUnknown: true,
    });
  });

  it('stops when the caller gives up, without another try', async () => {
    const giveUp = new AbortController();
    const client = await clientOf(() => {
      queueMicrotask(() => giveUp.abort());
      return () => undefined;
    });
    await expect(client.unitState.get(key, { signal: giveUp.signal })).rejects.toMatchObject({
      code: 'REQUEST_ABORTED',
    });
    expect(server.requests).toHaveLength(1);
  });

  it('tells every try to the observer', async () => {
    const infos: ResponseInfo[] = [];
    const client = await clientOf(
      (_request, i) => (i === 0 ? failure('UNAVAILABLE', {}, 503) : data({ unitState: null })),
      { onResponse: (info) => infos.push(info) },
    );
    await client.unitState.get(key);
    expect(
      infos.map(({ operation, attempt, status, error }) => ({
        operation,
        attempt,
        status,
        code: error?.code ?? null,
      })),
    ).toEqual([
      { operation: 'UnitState', attempt: 1, status: 503, code: 'UNAVAILABLE' },
      { operation: 'UnitState', attempt: 2, status: 200, code: null },
    ]);
  });

  it('sends a number that JSON cannot hold to nobody', async () => {
    const client = await clientOf(() => data({ openSession: session }));
    const opened = await client.openSession('m1');
    await expect(
      opened.commit(1, (tick) => {
        tick.matchMetrics.append({ name: 'ratio', value: Number.NaN });
      }),
    ).rejects.toMatchObject({ code: 'BAD_USER_INPUT', details: { place: 'matchMetrics.value' } });
    expect(server.requests).toHaveLength(1);
  });
});
