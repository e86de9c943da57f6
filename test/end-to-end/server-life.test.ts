import { appendFileSync, statSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { FrameSocket } from '../serve/frame-socket.ts';
import { commitTick, tickOf } from '../serve/sandbox.ts';
import { SandboxProcess, temporaryDirectory } from './cli-process.ts';

const open = 'mutation Open($id: ID!) { openSession(input: { sessionId: $id }) { fence } }';
const subscription = `subscription {
  matchPulseChanges { kind cursor position rows { sessionId actions } removed { sessionId } }
}`;

interface Payload {
  readonly position: string;
  readonly duplicate: boolean;
  readonly stateHash: string;
}

async function commit(server: SandboxProcess, token: string, tick: number): Promise<Payload> {
  const data = await server.graphql(token, commitTick, { input: tickOf('match', tick, 3) });
  return data.commitTick as Payload;
}

describe('SIGTERM', () => {
  test('finishes what runs, sends subscribers elsewhere and exits 0', async () => {
    const server = await SandboxProcess.start(temporaryDirectory());
    const token = await server.token('game-server');
    await server.graphql(token, open, { id: 'match' });
    const socket = await FrameSocket.connect(server.url, {
      authorization: `Bearer ${await server.token('liveops')}`,
    });
    socket.subscribe('1', subscription);
    await socket.next('1');

    const running = halfSentCommit(server, token);
    await running.headersSent;
    server.signal('SIGTERM');
    expect(await socket.closed).toMatchObject({ code: 1001 });
    // The server has begun to drain; the commit that was under way still gets its answer.
    running.sendRest();
    expect(await running.answer).toMatchObject({ data: { commitTick: { accepted: 3 } } });
    expect(await server.exit).toEqual({ code: 0, signal: null });
    await expect(reach(server.url)).rejects.toThrow(/ECONNREFUSED/);
  });

  test('does not wait for ever for a request that never comes to its end', async () => {
    const server = await SandboxProcess.start(temporaryDirectory(), ['--drain-ms', '200']);
    const token = await server.token('game-server');
    await server.graphql(token, '{ __typename }');
    const running = halfSentCommit(server, token);
    await running.headersSent;
    server.signal('SIGINT');
    await expect(running.answer).rejects.toThrow();
    expect(await server.exit).toEqual({ code: 0, signal: null });
  });
});

describe('kill -9', () => {
  test('loses nothing that was acknowledged, and the same ticks change nothing', async () => {
    const directory = temporaryDirectory();
    const first = await SandboxProcess.start(directory);
    const token = await first.token('game-server');
    await first.graphql(token, open, { id: 'match' });
    const acknowledged: Payload[] = [];
    const commitOn = async (upTo: number) => {
      while (acknowledged.length < upTo) {
        acknowledged.push(await commit(first, token, acknowledged.length + 1));
      }
    };
    await commitOn(20);
    const committing = commitOn(Number.POSITIVE_INFINITY).catch(() => undefined);
    first.signal('SIGKILL');
    await committing;
    expect((await first.exit).signal).toBe('SIGKILL');

    const second = await SandboxProcess.start(directory);
    const again = await second.token('game-server');
    for (const [i, payload] of acknowledged.entries()) {
      expect(await commit(second, again, i + 1)).toEqual({ ...payload, duplicate: true });
    }
    const fresh = await commit(second, again, acknowledged.length + 2);
    expect(fresh.duplicate).toBe(false);
    const analyst = await second.token('analyst');
    const counted = await second.graphql(
      analyst,
      `query Count($min: Position) { actionLogGroups(minPosition: $min) { nodes { count } } }`,
      { min: fresh.position },
    );
    const [group] = (counted.actionLogGroups as { nodes: { count: number }[] }).nodes;
    // One tick more may have been durable when the process died before it could say so.
    expect([acknowledged.length + 1, acknowledged.length + 2]).toContain(Number(group?.count) / 3);
    second.signal('SIGTERM');
    await second.exit;
  });
});

describe('the rest of a write that a crash cut short', () => {
  test('is cut off by the next start, which warns of it once, with its place and its size', async () => {
    const directory = temporaryDirectory();
    const first = await SandboxProcess.start(directory);
    const token = await first.token('game-server');
    await first.graphql(token, open, { id: 'match' });
    const { position } = await commit(first, token, 1);
    first.signal('SIGKILL');
    await first.exit;
    const segment = '00000000000000000001.log';
    const path = join(directory, 'titles', 'ashfall', 'log', segment);
    appendFileSync(path, Buffer.alloc(40, 0xab));
    const size = statSync(path).size;

    const second = await SandboxProcess.start(directory);
    expect(await commit(second, await second.token('game-server'), 1)).toMatchObject({
      duplicate: true,
      position,
    });
    second.signal('SIGKILL');
    await second.exit;
    const [warning, ...more] = tornWarnings(second);
    expect(more).toEqual([]);
    expect(warning).toMatchObject({ level: 40, segment, position });
    expect(warning?.bytes).toBeGreaterThanOrEqual(40);
    // Up to the last byte of the file, which is no zero.
    expect(warning?.offset).toBe(size - (warning?.bytes ?? 0));
    // Killed again, with nothing behind the last record.
    const third = await SandboxProcess.start(directory);
    third.signal('SIGTERM');
    await third.exit;
    expect(tornWarnings(third)).toEqual([]);
  });
});

interface TornWarning {
  readonly msg: string;
  readonly offset: number;
  readonly bytes: number;
}

function tornWarnings(server: SandboxProcess): TornWarning[] {
  const lines = server.log.split('\n').filter((line) => line.startsWith('{'));
  const logged = lines.map((line) => JSON.parse(line) as TornWarning);
  return logged.filter(({ msg }) => msg.includes('unfinished write'));
}

describe('a second server', () => {
  test('on the same data refuses to start', async () => {
    const directory = temporaryDirectory();
    const first = await SandboxProcess.start(directory);
    await expect(SandboxProcess.start(directory)).rejects.toThrow(/did not start: .* holds /s);
    const answer = await fetch(`${first.url}/readyz`);
    expect(answer.status).toBe(200);
    first.signal('SIGTERM');
    await first.exit;
  });
});

/** A commit of which the last byte of the body is not sent until told. */
function halfSentCommit(server: SandboxProcess, token: string) {
  const body = JSON.stringify({ query: commitTick, variables: { input: tickOf('match', 1, 3) } });
  const sent = request(`${server.url}/ashfall/graphql`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      expect: '100-continue',
    },
  });
  const answer = new Promise<unknown>((resolve, reject) => {
    sent.on('error', reject);
    sent.on('response', (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part) => {
        text += part;
      });
      response.on('end', () => resolve(JSON.parse(text)));
      response.on('error', reject);
    });
  });
  answer.catch(() => undefined);
  // The server says "continue" once it has taken the request up.
  const headersSent = new Promise<void>((resolve) => sent.once('continue', () => resolve()));
  sent.flushHeaders();
  headersSent.then(() => sent.write(body.slice(0, -1)));
  return { headersSent, answer, sendRest: () => sent.end(body.slice(-1)) };
}

function reach(url: string): Promise<void> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => {
      socket.destroy();
      resolve();
    });
    socket.on('error', reject);
  });
}
