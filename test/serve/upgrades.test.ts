import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Sandbox } from './sandbox.ts';

let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await Sandbox.start();
});
afterAll(() => sandbox.stop());

/** What `curl --http2` and Java's own client offer with a first request. */
const h2c = [
  'Connection: Upgrade, HTTP2-Settings',
  'Upgrade: h2c',
  'HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA',
];

function open(): Socket {
  const { hostname, port } = new URL(sandbox.url);
  return connect(Number(port), hostname);
}

/** Sends requests as they stand, and reads until so many answers have begun, or all is said. */
async function exchange(text: string, answers = 1): Promise<string> {
  const socket = open();
  socket.write(text);
  let read = '';
  for await (const part of socket) {
    read += part;
    if (read.split('HTTP/1.1 ').length > answers && read.endsWith('}')) break;
  }
  socket.destroy();
  return read;
}

function head(first: string, more: readonly string[] = []): string {
  return [first, `Host: ${new URL(sandbox.url).host}`, ...more].join('\r\n').concat('\r\n\r\n');
}

async function graphqlRequest(more: readonly string[], path = '/ashfall/graphql'): Promise<string> {
  const body = '{"query":"{ __typename }"}';
  const { authorization } = await sandbox.authorization('liveops');
  return (
    head(`POST ${path} HTTP/1.1`, [
      `Authorization: ${authorization}`,
      'Content-Type: application/json',
      `Content-Length: ${body.length}`,
      ...more,
    ]) + body
  );
}

describe('an upgrade that is no WebSocket', () => {
  test('is ignored, and the request answered over HTTP/1.1', async () => {
    const answer = await exchange(head('GET /healthz HTTP/1.1', h2c));
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK/);
    expect(answer).toMatch(/\{"alive":true\}$/);
  });

  test('leaves the body of its request whole, and the connection to the next', async () => {
    const request = await graphqlRequest(h2c);
    const answer = await exchange(request + (await graphqlRequest([])) + request, 3);
    expect(answer.match(/HTTP\/1\.1 200 OK/g)).toHaveLength(3);
    expect(answer.match(/"__typename":"Query"/g)).toHaveLength(3);
  });

  test('with a body in chunks that comes later is answered too', async () => {
    const socket = open();
    const { authorization } = await sandbox.authorization('liveops');
    const more = [
      `Authorization: ${authorization}`,
      'Content-Type: application/json',
      'Transfer-Encoding: chunked',
      ...h2c,
    ];
    socket.write(head('POST /ashfall/graphql HTTP/1.1', more));
    socket.write('10\r\n{"query":"{ __ty\r\n');
    socket.write('a\r\npename }"}\r\n0\r\n\r\n');
    let read = '';
    for await (const part of socket) {
      read += part;
      if (read.endsWith('}')) break;
    }
    expect(read).toContain('"__typename":"Query"');
  });

  test('does not hide a request that is refused', async () => {
    expect(await exchange(head('GET /nowhere HTTP/1.1', h2c))).toMatch(
      /^HTTP\/1\.1 404 [\s\S]*"NOT_FOUND"/,
    );
  });
});

describe('a target in absolute form', () => {
  test.each(['http://tickloom.example', 'HTTPS://tickloom.example:8443'])(
    'such as %s/… is served like its path',
    async (origin) => {
      expect(await exchange(head(`GET ${origin}/healthz HTTP/1.1`))).toMatch(/\{"alive":true\}$/);
      const answer = await exchange(await graphqlRequest([], `${origin}/ashfall/graphql?x=1`));
      expect(answer).toContain('"__typename":"Query"');
    },
  );

  test('opens a WebSocket', async () => {
    const socket = open();
    socket.write(
      head('GET http://tickloom.example/ashfall/graphql HTTP/1.1', [
        'Connection: Upgrade',
        'Upgrade: websocket',
        'Sec-WebSocket-Version: 13',
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
        'Sec-WebSocket-Protocol: graphql-transport-ws',
      ]),
    );
    const [answer] = await new Promise<Buffer[]>((resolve) =>
      socket.once('data', (data) => resolve([data])),
    );
    expect(String(answer)).toMatch(/^HTTP\/1\.1 101 /);
    socket.destroy();
  });
});
