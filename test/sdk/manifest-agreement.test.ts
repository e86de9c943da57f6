import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { actionTable, count, defineTitle, stateTable, t } from '../../engine/manifest/index.ts';
import { manifestHash, serializeManifest } from '../../engine/manifest/manifest-json.ts';
import type { TitleManifest } from '../../engine/model/types.ts';
import { describeTitle } from '../../sdk/generate/index.ts';
import { hasCategory, TickloomError, TitleClient } from '../../sdk/index.ts';
import type { ResponseInfo } from '../../sdk/runtime/transport.ts';
import { FrameSocket } from '../serve/frame-socket.ts';
import { codeOf, Sandbox } from '../serve/sandbox.ts';

const all = ['read', 'write', 'aggregate'] as const;

/** The title as clients were made for it, or as `more` changes it. */
function titleOf(more: {
  readonly unit?: Record<string, ReturnType<typeof t.u32> | ReturnType<typeof t.string>>;
  readonly mood?: readonly [string, ...string[]];
  readonly description?: string;
  readonly views?: boolean;
  readonly extra?: boolean;
}): TitleManifest {
  const [first, ...others] = more.mood ?? ['CALM', 'ANGRY'];
  const unit = stateTable(
    { id: t.u32(), mood: t.enum(first, ...others), ...(more.unit ?? { health: t.u32() }) },
    { key: ['sessionId', 'id'] },
  );
  const views = more.views === false ? {} : { pulse: pulse() };
  return defineTitle({
    // The name of the sandbox's own title, which its helpers ask.
    title: 'ashfall',
    version: 1,
    tables: {
      act: actionTable({ nothing: t.u32().optional() }),
      unit: more.description === undefined ? unit : { ...unit, description: more.description },
      ...(more.extra ? { other: stateTable({ id: t.u32() }, { key: ['id'] }) } : {}),
    },
    views,
    roles: {
      writer: {
        class: 'GAMEPLAY',
        capabilities: ['session', 'commit'],
        tables: { act: all, unit: all },
        ...(more.views === false ? {} : { views: ['pulse'] }),
      },
    },
    // Which views and tables there are is known when it runs alone.
  } as unknown as Parameters<typeof defineTitle>[0]);
}

function pulse() {
  return {
    kind: 'group',
    from: 'act',
    groupBy: ['sessionId'],
    columns: { actions: count() },
  } as const;
}

const made = titleOf({});

/** A client of code that was generated from `manifest`. */
class Client extends TitleClient<{
  readonly unit: { upsert(key: { id: number }, set: object): unknown };
}> {
  readonly pulse = this.view<{ readonly actions: bigint }, never>('pulse');
}

interface Given {
  readonly told: ResponseInfo[];
  readonly client: Client;
}

async function clientOf(
  sandbox: Sandbox,
  manifest: TitleManifest,
  subscriptions: 'websocket' | 'sse' = 'websocket',
): Promise<Given> {
  const told: ResponseInfo[] = [];
  const descriptor = { ...describeTitle(json(manifest)), manifest: manifestHash(manifest) };
  const client = new Client(descriptor, {
    url: sandbox.url,
    token: await sandbox.token('writer'),
    subscriptions,
    onResponse: (info) => told.push(info),
  });
  return { told, client };
}

function json(manifest: TitleManifest): unknown {
  return JSON.parse(serializeManifest(manifest));
}

async function served(manifest: TitleManifest, work: (sandbox: Sandbox) => Promise<void>) {
  const sandbox = await Sandbox.start({ columns: 'embedded' }, manifest);
  try {
    await work(sandbox);
  } finally {
    await sandbox.stop();
  }
}

const ask = (client: Client) =>
  client.graphql('query Session { session(sessionId: "m") { open } }');

async function firstFrame(client: Client): Promise<string> {
  for await (const frame of client.pulse.changes()) return frame.kind;
  return 'none';
}

describe('a client of the manifest that a server has', () => {
  let sandbox: Sandbox;
  beforeAll(async () => {
    sandbox = await Sandbox.start({}, made);
  });
  afterAll(() => sandbox.stop());

  test('is answered at the first try, by every way', async () => {
    const { client, told } = await clientOf(sandbox, made);
    const session = await client.openSession('m');
    await session.commit(1, (tick) => tick.unit.upsert({ id: 1 }, { mood: 'CALM', health: 5 }));
    expect(await firstFrame(client)).toBe('SNAPSHOT');
    expect(told.map(({ error }) => error)).toEqual(told.map(() => null));
  });

  test('so is one that names none', async () => {
    const { client, told } = await clientOf(sandbox, made);
    const bare = new Client(describeTitle(json(made)), {
      url: sandbox.url,
      token: await sandbox.token('writer'),
    });
    expect(await ask(bare)).toEqual(await ask(client));
    expect(told).toHaveLength(1);
  });

  test('a request that names another is refused before anything is done, with what is served', async () => {
    const headers = { 'x-tickloom-manifest': 'f'.repeat(64) };
    const open = 'mutation { openSession(input: { sessionId: "never" }) { fence } }';
    const answer = await sandbox.ask('writer', open, {}, headers);
    expect(codeOf(answer)).toBe('SCHEMA_MISMATCH');
    expect(answer.status).toBe(400);
    const [error] = answer.errors ?? [];
    expect(error?.extensions).toMatchObject({ category: 'schema' });
    expect(error?.message).toContain('npx tickloom generate sdk');
    expect(error?.extensions.details).toMatchObject({
      manifest: manifestHash(made),
      served: { tables: { unit: { values: { mood: ['CALM', 'ANGRY'] } } } },
    });
    const session = 'query { session(sessionId: "never") { open } }';
    expect((await sandbox.ask('writer', session)).data).toEqual({ session: null });
    const commit = await fetch(`${sandbox.url}/ashfall/sessions/m/ticks/9`, {
      method: 'POST',
      headers: {
        ...(await sandbox.authorization('writer')),
        ...headers,
        'content-type': 'application/json',
      },
      body: '{}',
    });
    expect(commit.status).toBe(400);
    expect(await commit.text()).toContain('SCHEMA_MISMATCH');
    // Who is nobody learns nothing of the manifest.
    const stranger = await sandbox.post('{}', { ...headers, 'content-type': 'application/json' });
    expect(codeOf(stranger)).toBe('UNAUTHENTICATED');
  });

  test('a socket that names another is closed with the code', async () => {
    const closed = FrameSocket.refused(sandbox.url, {
      ...(await sandbox.authorization('writer')),
      'x-tickloom-manifest': 'f'.repeat(64),
    });
    expect(await closed).toMatchObject({ code: 4400, reason: 'SCHEMA_MISMATCH' });
  });
});

describe('a client that was made for an earlier manifest', () => {
  test.each([
    ['a description', titleOf({ description: 'What fights.' })],
    ['an enum value', titleOf({ mood: ['CALM', 'ANGRY', 'SAD'] })],
    ['a table', titleOf({ extra: true })],
    ['a column', titleOf({ unit: { health: t.u32(), armour: t.u32().optional() as never } })],
  ])('goes on where the server has %s more, after one question', async (_, manifest) => {
    await served(manifest, async (sandbox) => {
      const { client, told } = await clientOf(sandbox, made);
      // A write that must not happen twice may be asked again, as nothing was done.
      const session = await client.openSession('m');
      await session.commit(1, (tick) => tick.unit.upsert({ id: 1 }, { mood: 'CALM', health: 5 }));
      expect(told.map(({ error }) => error?.code ?? 'OK')).toEqual(['SCHEMA_MISMATCH', 'OK', 'OK']);
      for (const subscriptions of ['websocket', 'sse'] as const) {
        const other = await clientOf(sandbox, made, subscriptions);
        expect(await firstFrame(other.client)).toBe('SNAPSHOT');
      }
    });
  });

  test.each<[string, TitleManifest, RegExp]>([
    ['a column is gone', titleOf({ unit: {} }), /column "unit.health" is gone/],
    [
      'a column is of another kind',
      titleOf({ unit: { health: t.string() } }),
      /column "unit.health" is string, not u32/,
    ],
    ['a value is gone', titleOf({ mood: ['CALM', 'SAD'] }), /value ANGRY of "unit.mood" is gone/],
    ['a view is gone', titleOf({ views: false }), /view "pulse" is gone/],
  ])('is told what differs and what to do where %s', async (_, manifest, what) => {
    await served(manifest, async (sandbox) => {
      const failures = [
        async () => ask((await clientOf(sandbox, made)).client),
        async () => (await clientOf(sandbox, made)).client.openSession('m'),
        async () => firstFrame((await clientOf(sandbox, made)).client),
        async () => firstFrame((await clientOf(sandbox, made, 'sse')).client),
      ];
      for (const failing of failures) {
        const error = await failing().then(
          () => null,
          (reason: unknown) => reason,
        );
        expect(error).toBeInstanceOf(TickloomError);
        expect(hasCategory(error, 'schema')).toBe(true);
        const { code, message, details } = error as TickloomError;
        expect(code).toBe('SCHEMA_MISMATCH');
        expect(message).toMatch(what);
        expect(message).toMatch(/Generate the SDK again: npx tickloom generate sdk/);
        expect(details.differences).toEqual([expect.stringMatching(what)]);
      }
    });
  });
});
