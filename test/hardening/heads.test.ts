import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { servingLimits } from '../../src/serving-limits.ts';
import { FrameSocket } from '../serve/frame-socket.ts';
import { Sandbox } from '../serve/sandbox.ts';

vi.mock('../../src/serving-limits.ts', async (original) => {
  const { servingLimits } = await original<typeof import('../../src/serving-limits.ts')>();
  const small = {
    connectionsMax: 30,
    connectionsUnsignedPerAddressMax: 10,
    httpPipelinedMax: 8,
    httpHeadersMs: 400,
    httpRequestMs: 800,
  };
  return { servingLimits: { ...servingLimits, ...small } };
});

let sandbox: Sandbox;
let authorization: string;

beforeAll(async () => {
  sandbox = await Sandbox.start();
  ({ authorization } = await sandbox.authorization('game-server'));
});
afterAll(() => sandbox.stop());

interface Raw {
  readonly status: number;
  readonly head: string;
  readonly error: { readonly code: string; readonly details: { readonly limit?: string } } | null;
}

async function opened(): Promise<Socket> {
  const socket = connect(Number(new URL(sandbox.url).port), '127.0.0.1');
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

/** Everything that comes on a connection until it is closed, by answers. */
async function answersOn(socket: Socket, bytes: string): Promise<Raw[]> {
  let text = '';
  socket.on('data', (data) => {
    text += String(data);
  });
  const closed = once(socket, 'close');
  socket.write(bytes);
  await closed;
  return text
    .split(/(?=HTTP\/1\.1 \d{3})/)
    .filter(Boolean)
    .map(rawOf);
}

function rawOf(text: string): Raw {
  const [head = '', body = ''] = text.split('\r\n\r\n');
  const error = /"code":"(\w+)".*?"details":(\{.*?\})/.exec(body);
  return {
    status: Number(head.slice(9, 12)),
    head,
    error: error === null ? null : { code: error[1] ?? '', details: JSON.parse(error[2] ?? '') },
  };
}

async function answerTo(...lines: readonly string[]): Promise<Raw> {
  const [answer] = await answersOn(await opened(), `${lines.join('\r\n')}\r\n\r\n`);
  if (answer === undefined) throw new Error('no answer');
  return answer;
}

const refused = (status: number, code: string, limit: string) =>
  expect.objectContaining({
    status,
    error: { code, details: expect.objectContaining({ limit }) },
  });

async function isAlive(): Promise<void> {
  expect((await fetch(`${sandbox.url}/healthz`)).status).toBe(200);
}

describe('the head of a request', () => {
  const close = 'connection: close';

  test('has so many bytes, and not more (httpHeaderBytesMax)', async () => {
    const of = (bytes: number) =>
      answerTo('GET /healthz HTTP/1.1', 'host: x', close, `x-a: ${'a'.repeat(bytes)}`);
    expect((await of(servingLimits.httpHeaderBytesMax - 200)).status).toBe(200);
    expect(await of(servingLimits.httpHeaderBytesMax)).toEqual(
      refused(431, 'LIMIT_EXCEEDED', 'httpHeaderBytesMax'),
    );
    await isAlive();
  });

  test('has so many headers, and not one more (httpHeadersMax)', async () => {
    const of = (count: number) => {
      const more = Array.from({ length: count - 2 }, (_, i) => `a${i}: b`);
      return answerTo('GET /healthz HTTP/1.1', 'host: x', close, ...more);
    };
    expect((await of(servingLimits.httpHeadersMax)).status).toBe(200);
    const past = refused(431, 'LIMIT_EXCEEDED', 'httpHeadersMax');
    expect(await of(servingLimits.httpHeadersMax + 1)).toEqual(past);
    // Node would leave out those beyond, and answer as if they had not been sent.
    expect(await of(1_500)).toEqual(past);
  });

  test('has a path and query of so many characters, and not one more (httpTargetCharsMax)', async () => {
    const of = (chars: number) =>
      answerTo(`GET ${'/healthz?'.padEnd(chars, 'q')} HTTP/1.1`, 'host: x', close);
    expect((await of(servingLimits.httpTargetCharsMax)).status).toBe(200);
    expect(await of(servingLimits.httpTargetCharsMax + 1)).toEqual(
      refused(414, 'LIMIT_EXCEEDED', 'httpTargetCharsMax'),
    );
  });

  test('of an upgrade is held to the same bounds', async () => {
    const upgrade = ['host: x', 'connection: upgrade', 'upgrade: websocket'];
    const key = ['sec-websocket-version: 13', 'sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ=='];
    const target = '/ashfall/graphql?'.padEnd(servingLimits.httpTargetCharsMax + 1, 'q');
    expect(await answerTo(`GET ${target} HTTP/1.1`, ...upgrade, ...key)).toEqual(
      refused(414, 'LIMIT_EXCEEDED', 'httpTargetCharsMax'),
    );
  });

  test.each<[string, string]>([
    ['is no HTTP', 'hello\r\n\r\n'],
    [
      'names two lengths',
      'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n',
    ],
    [
      'says length and chunks, by which requests are smuggled',
      'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['has a broken header', 'GET / HTTP/1.1\r\nhost: x\r\nbad header\r\n\r\n'],
  ])('that %s is refused with the code of the contract', async (_name, bytes) => {
    const [answer, ...others] = await answersOn(await opened(), bytes);
    expect(answer).toMatchObject({ status: 400, error: { code: 'BAD_USER_INPUT' } });
    expect(others).toEqual([]);
    await isAlive();
  });

  test('that does not come in time is told which bound it passed, as is its body', async () => {
    const head = 'POST /ashfall/graphql HTTP/1.1\r\nhost: x\r\n';
    const [late] = await answersOn(await opened(), head);
    expect(late).toEqual(refused(408, 'LIMIT_EXCEEDED', 'httpHeadersMs'));
    const whole = `${head}authorization: ${authorization}\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{`;
    const [body] = await answersOn(await opened(), whole);
    expect(body).toEqual(refused(408, 'LIMIT_EXCEEDED', 'httpRequestMs'));
  });
});

describe('the requests of one connection', () => {
  const ask = `GET /ashfall/graphql?query={__typename} HTTP/1.1\r\nhost: x\r\nauthorization: `;

  test('may wait for their answers up to a number, and not one more (httpPipelinedMax)', async () => {
    const many = (count: number) =>
      `${ask}${authorization}\r\n\r\n`.repeat(count - 1) +
      `${ask}${authorization}\r\nconnection: close\r\n\r\n`;
    const most = servingLimits.httpPipelinedMax;
    const answers = await answersOn(await opened(), many(most));
    expect(answers.map(({ status }) => status)).toEqual(Array(most).fill(200));
    const past = await answersOn(await opened(), many(most * 50));
    expect(past.slice(0, most).map(({ status }) => status)).toEqual(Array(most).fill(200));
    expect(past[most]).toEqual(refused(429, 'RATE_LIMITED', 'httpPipelinedMax'));
    // The connection ends there: nothing of the rest was run.
    expect(past).toHaveLength(most + 1);
    await isAlive();
  });
});

describe('the connections of one address', () => {
  /** Until the server has seen it, too. */
  const closeAll = (sockets: readonly Socket[]) => {
    for (const socket of sockets) socket.destroy();
    const ask = ['GET /healthz HTTP/1.1', 'host: x', 'connection: close'];
    return vi.waitFor(async () => expect((await answerTo(...ask)).status).toBe(200));
  };

  /** Opens connections until one is refused; those that are left open. */
  async function fill(): Promise<{ readonly open: Socket[]; readonly refusal: Raw }> {
    const open: Socket[] = [];
    for (;;) {
      const socket = await opened();
      const [first] = await Promise.race([
        once(socket, 'data'),
        // The server answers a request on a connection that it has taken.
        (async () => {
          socket.write('GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n');
          return once(socket, 'data');
        })(),
      ]);
      const answer = rawOf(String(first));
      if (answer.status !== 200) return { open, refusal: answer };
      open.push(socket);
      if (open.length > servingLimits.connectionsMax) throw new Error('all are taken');
    }
  }

  test('are few until somebody signs in on them (connectionsUnsignedPerAddressMax)', async () => {
    const { open, refusal } = await fill();
    expect(refusal).toEqual(refused(429, 'RATE_LIMITED', 'connectionsUnsignedPerAddressMax'));
    expect(open.length).toBeLessThanOrEqual(servingLimits.connectionsUnsignedPerAddressMax);
    // One that signs in makes room for another.
    const [one] = open;
    one?.write(
      `GET /ashfall/graphql?query={__typename} HTTP/1.1\r\nhost: x\r\nauthorization: ${authorization}\r\n\r\n`,
    );
    if (one) expect(rawOf(String((await once(one, 'data'))[0])).status).toBe(200);
    const another = await fill();
    expect(another.open).toHaveLength(1);
    await closeAll([...open, ...another.open]);
  });

  test('are bounded though somebody has signed in on each (connectionsMax)', async () => {
    const sockets: FrameSocket[] = [];
    const connecting = async () => {
      for (;;) sockets.push(await FrameSocket.connect(sandbox.url, { authorization }));
    };
    await expect(connecting()).rejects.toThrow(/503/);
    expect(sockets.length).toBeLessThanOrEqual(servingLimits.connectionsMax);
    expect(sockets.length).toBeGreaterThan(servingLimits.connectionsUnsignedPerAddressMax);
    for (const socket of sockets) socket.close();
    await Promise.all(sockets.map(({ closed }) => closed));
    await isAlive();
  });
});
