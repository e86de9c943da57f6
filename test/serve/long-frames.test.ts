import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FrameSocket } from './frame-socket.ts';
import { commitTick, Sandbox } from './sandbox.ts';

const units = `subscription Units($cursor: String) {
  unitStateChanges(where: { sessionId: { eq: "long" } }, cursor: $cursor) {
    kind cursor rows { unitId blueprint } removed { unitId }
  }
}`;
const pulse = `subscription { matchPulseChanges(where: { sessionId: { eq: "long" } }) { kind tick } }`;

let sandbox: Sandbox;
let tick = 0;

beforeAll(async () => {
  sandbox = await Sandbox.start();
  await sandbox.openSession('long');
});
afterAll(() => sandbox.stop());

/** A tick that writes so many units, each with a text that no other has. */
async function write(count: number): Promise<void> {
  tick += 1;
  const effects = Array.from({ length: count }, (_, unitId) => ({
    unitState: {
      upsert: { key: { unitId }, set: { ownerId: 1, blueprint: `${unitId} ü ${tick}` } },
    },
  }));
  const actions = [{ actionId: `${tick}`, playerId: 1, kind: 'MOVE' }];
  const input = { sessionId: 'long', tick, actions, effects };
  const answer = await sandbox.ask('game-server', commitTick, { input });
  expect(answer.data?.commitTick).toMatchObject({ tick, aborted: false });
}

const rows = (count: number) =>
  Array.from({ length: count }, (_, unitId) => ({ unitId, blueprint: `${unitId} ü ${tick}` }));

async function connect(): Promise<FrameSocket> {
  return FrameSocket.connect(sandbox.url, { ...(await sandbox.authorization('game-server')) });
}

interface UnitFrame {
  readonly kind: string;
  readonly cursor: string;
  readonly rows: readonly { readonly unitId: number; readonly blueprint: string }[];
}

async function next(socket: FrameSocket, id: string): Promise<UnitFrame> {
  const { payload } = await socket.receive((message) => message.id === id);
  return payload.data.unitStateChanges;
}

test('a frame of very many rows comes whole, to each under its id, between other messages', async () => {
  const count = 5_000;
  const sockets = await Promise.all([connect(), connect()]);
  const [first, second] = sockets;
  first?.subscribe('a', units);
  second?.subscribe('b "quoted"', units);
  const watched = await connect();
  watched.subscribe('units', units);
  watched.subscribe('leaves', units);
  for (const [socket, id] of [
    [first, 'a'],
    [second, 'b "quoted"'],
    [watched, 'units'],
    [watched, 'leaves'],
  ] as const) {
    if (socket) expect(await next(socket, id)).toMatchObject({ kind: 'SNAPSHOT', rows: [] });
  }
  await write(count);
  watched.send({ id: 'leaves', type: 'complete' });
  watched.subscribe('query', '{ __typename }');
  const frame = await next(watched, 'units');
  expect(frame).toMatchObject({ kind: 'DELTA', rows: rows(count) });
  expect(first && (await next(first, 'a'))).toEqual(frame);
  expect(second && (await next(second, 'b "quoted"'))).toEqual(frame);
  expect(await watched.receive(({ id }) => id === 'query')).toMatchObject({ type: 'next' });

  // Others go on as before, and so do these.
  await write(1);
  expect((await next(watched, 'units')).rows).toHaveLength(1);

  // A snapshot is one frame too, and so is what was missed since a cursor.
  const late = await connect();
  late.subscribe('1', units);
  const snapshot = await next(late, '1');
  expect(snapshot.kind).toBe('SNAPSHOT');
  expect(snapshot.rows).toHaveLength(count);
  await write(count);
  await next(late, '1');
  late.close();
  const resumed = await connect();
  resumed.subscribe('1', units, { cursor: snapshot.cursor });
  expect(await next(resumed, '1')).toMatchObject({ kind: 'DELTA', rows: rows(count) });
  for (const socket of [...sockets, watched, resumed]) socket.close();
});

test('a frame of very many rows is one event of an event stream, with where to resume', async () => {
  const count = 2_000;
  await write(count);
  const abort = new AbortController();
  const response = await fetch(`${sandbox.url}/ashfall/graphql`, {
    method: 'POST',
    headers: {
      ...(await sandbox.authorization('game-server')),
      accept: 'text/event-stream',
      'content-type': 'application/json',
    },
    body: JSON.stringify({ query: units }),
    signal: abort.signal,
  });
  let text = '';
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    if (text.includes('event: next') && text.endsWith('\n\n')) break;
  }
  const data = /^data: (.*)$/m.exec(text)?.[1] ?? '';
  const frame = JSON.parse(data).data.unitStateChanges;
  expect(frame.kind).toBe('SNAPSHOT');
  expect(frame.rows.slice(0, count)).toEqual(rows(count));
  expect(/^id: (.*)$/m.exec(text)?.[1]).toBe(frame.cursor);
  abort.abort();
});

test('a frame of very many rows leaves over many writes of an event stream', async () => {
  await write(5_000);
  const query = units.replace('blueprint', 'blueprint a: blueprint b: blueprint c: blueprint');
  const request = httpRequest(`${sandbox.url}/ashfall/graphql`, {
    method: 'POST',
    headers: {
      ...(await sandbox.authorization('game-server')),
      accept: 'text/event-stream',
      'content-type': 'application/json',
    },
  });
  request.end(JSON.stringify({ query }));
  const received: Buffer[] = [];
  await new Promise<void>((resolve, reject) => {
    request.once('error', reject);
    request.once('socket', (socket) =>
      socket.on('data', (bytes: Buffer) => {
        received.push(bytes);
        if (bytes.subarray(-100).toString().includes('\nid: ')) resolve();
      }),
    );
  });
  request.destroy();
  const sizes = chunkSizes(Buffer.concat(received));
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeGreaterThan(400_000);
  expect(Math.max(...sizes)).toBeLessThan(200_000);
});

/** How long the chunks of a chunked HTTP answer are. */
function chunkSizes(answer: Buffer): number[] {
  const sizes: number[] = [];
  let at = answer.indexOf('\r\n\r\n') + 4;
  while (at < answer.length) {
    const end = answer.indexOf('\r\n', at);
    const size = Number.parseInt(answer.subarray(at, end).toString(), 16);
    sizes.push(size);
    at = end + 2 + size + 2;
  }
  return sizes;
}

test('ticks are told while a frame of very many rows is made', async () => {
  const socket = await connect();
  const liveops = await FrameSocket.connect(sandbox.url, {
    ...(await sandbox.authorization('liveops')),
  });
  liveops.subscribe('pulse', pulse);
  await liveops.receive(({ id }) => id === 'pulse');
  socket.subscribe('units', units);
  await next(socket, 'units');
  await write(3_000);
  await write(1);
  const ticks = [];
  for (let n = 0; n < 2; n++) {
    const { payload } = await liveops.receive(({ id }) => id === 'pulse');
    ticks.push(payload.data.matchPulseChanges.tick);
  }
  expect(ticks).toEqual([tick - 1, tick]);
  expect((await next(socket, 'units')).rows).toHaveLength(3_000);
  expect((await next(socket, 'units')).rows).toHaveLength(1);
  socket.close();
  liveops.close();
});
