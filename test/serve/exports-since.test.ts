import { tableFromIPC } from 'apache-arrow';
import pl from 'nodejs-polars';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { actionTable, defineTitle, stateTable, t } from '../../engine/manifest/index.ts';
import { SeededRandom } from '../columns/random.ts';
import { codeOf, commitTick, Sandbox } from './sandbox.ts';

const all = ['read', 'write', 'aggregate'] as const;
/** Named as the reference title, which the sandbox asks. */
const title = defineTitle({
  title: 'ashfall',
  version: 1,
  tables: {
    act: actionTable({ nothing: t.u32().optional() }),
    thing: stateTable(
      {
        id: t.u32(),
        owner: t.u32(),
        mood: t.enum('CALM', 'ANGRY'),
        at: t.vec3(),
        aim: t.vec3().optional(),
        name: t.string().optional(),
        token: t.uuid(),
        blob: t.bytes(),
        big: t.u64(),
        on: t.bool(),
        when: t.timestamp(),
        data: t.json(),
      },
      { key: ['sessionId', 'id'] },
    ),
    flagged: stateTable({ id: t.u32(), deleted: t.bool() }, { key: ['sessionId', 'id'] }),
  },
  views: {},
  roles: {
    writer: {
      class: 'GAMEPLAY',
      capabilities: ['session', 'commit'],
      tables: { act: all, thing: all, flagged: all },
    },
    analyst: { class: 'ARCHIVAL', capabilities: ['export'], tables: { thing: all, flagged: all } },
    owner: {
      class: 'ARCHIVAL',
      capabilities: ['export'],
      tables: {
        thing: {
          access: ['read', 'aggregate'],
          onlyWhere: { column: 'owner', claim: 'player_id' },
        },
      },
    },
  },
});

interface Thing {
  readonly id: number;
  readonly owner: number;
  readonly mood: string;
  readonly name: string | null;
}
type Things = ReadonlyMap<number, Thing>;
interface Moment {
  readonly position: string;
  readonly things: Things;
}

const random = new SeededRandom(7);
const moments: Moment[] = [];
let sandbox: Sandbox;

const createExport = `mutation Create($input: CreateExportInput!) {
  createExport(input: $input) { url }
}`;

async function commit(tick: number, effects: readonly object[]): Promise<string> {
  const input = { sessionId: 'match', tick, effects };
  const answer = await sandbox.ask('writer', commitTick, { input });
  if (!answer.data) throw new Error(JSON.stringify(answer.errors));
  const { position, aborted } = answer.data.commitTick as { position: string; aborted: boolean };
  expect(aborted).toBe(false);
  return position;
}

/** A tick that writes, deletes and makes again a few of a few things. */
async function randomTick(tick: number): Promise<void> {
  const things = new Map(moments.at(-1)?.things);
  const effects: object[] = [];
  for (let i = 0; i < 6; i++) {
    const id = random.below(12);
    if (things.has(id) && random.below(2) === 0) {
      effects.push({ thing: { delete: { key: { id } } } });
      things.delete(id);
      continue;
    }
    const owner = 1 + random.below(2);
    const mood = random.pick(['CALM', 'ANGRY']);
    const name = random.pick([null, 'ünï', '']);
    const more = {
      at: { x: tick, y: 0, z: 1 },
      aim: random.pick([null, { x: 1, y: 2, z: 3 }]),
      token: '123e4567-e89b-12d3-a456-426614174000',
      blob: 'AP8=',
      big: '18446744073709551615',
      on: true,
      when: '2026-01-02T03:04:05.678Z',
      data: { tick },
    };
    effects.push({ thing: { upsert: { key: { id }, set: { owner, mood, name, ...more } } } });
    things.set(id, { id, owner, mood, name });
  }
  moments.push({ position: await commit(tick, effects), things });
}

beforeAll(async () => {
  sandbox = await Sandbox.start({}, title);
  const open = 'mutation { openSession(input: { sessionId: "match" }) { fence } }';
  await sandbox.ask('writer', open);
  moments.push({ position: await sandbox.position(), things: new Map() });
  for (let tick = 1; tick <= 12; tick++) {
    await randomTick(tick);
    if (tick === 5) await sandbox.restart();
  }
  await sandbox.restart();
});
afterAll(() => sandbox.stop());

type ExportedRow = { readonly deleted: boolean } & { readonly [column: string]: unknown };
const formats = ['ARROW_STREAM', 'ARROW_FILE', 'PARQUET'] as const;

async function create(role: string, input: object, claims: Record<string, string> = {}) {
  const token = await sandbox.token(role, claims);
  return sandbox.post(JSON.stringify({ query: createExport, variables: { input } }), {
    authorization: `Bearer ${token}`,
    'content-type': 'application/json',
  });
}

async function exported(
  input: { readonly format: (typeof formats)[number]; readonly [more: string]: unknown },
  role = 'analyst',
  claims: Record<string, string> = {},
): Promise<ExportedRow[]> {
  const answer = await create(role, { table: 'thing', ...input }, claims);
  if (!answer.data) throw new Error(JSON.stringify(answer.errors));
  const { url } = answer.data.createExport as { url: string };
  const bytes = Buffer.from(await (await fetch(url)).arrayBuffer());
  if (input.format === 'PARQUET') {
    // It makes no JavaScript value of bytes.
    return pl.readParquet(bytes).drop('blob').toRecords() as ExportedRow[];
  }
  return tableFromIPC(bytes)
    .toArray()
    .map((row) => ({ ...row.toJSON() }) as ExportedRow);
}

/** What a copy of earlier rows becomes by what an export since then says. */
function brought(before: Things, rows: readonly ExportedRow[]): Things {
  const copy = new Map(before);
  for (const { id, deleted, owner, mood, name } of rows) {
    if (deleted) expect(copy.delete(id as number), 'it was there before').toBe(true);
    else copy.set(id as number, { id, owner, mood, name } as Thing);
  }
  return copy;
}

function those(things: Things, accept: (thing: Thing) => boolean): Things {
  return new Map([...things].filter(([, thing]) => accept(thing)));
}

const sorted = (things: Things) => [...things].sort(([a], [b]) => a - b);

const conditions: [string, object, (thing: Thing) => boolean][] = [
  ['all rows', {}, () => true],
  ['a condition on the key', { where: { id: { lt: 6 } } }, ({ id }) => id < 6],
  ['a condition on other columns', { where: { owner: { eq: 1 } } }, ({ owner }) => owner === 1],
  [
    'conditions on both',
    { where: { id: { gte: 3 }, mood: { eq: 'ANGRY' } } },
    ({ id, mood }) => id >= 3 && mood === 'ANGRY',
  ],
];

describe('an export of a state table since a position', () => {
  test.each(conditions)(
    'brings a copy of the rows as of then up to date, with %s, whichever the positions',
    async (_, input, accept) => {
      let gone = 0;
      for (const [i, since] of moments.entries()) {
        for (const until of moments.slice(i).filter((__, j) => (i + j) % 3 === 0)) {
          const rows = await exported({
            format: 'ARROW_STREAM',
            sincePosition: since.position,
            asOf: { position: until.position },
            ...input,
          });
          const copy = brought(those(since.things, accept), rows);
          expect(sorted(copy)).toEqual(sorted(those(until.things, accept)));
          gone += rows.filter(({ deleted }) => deleted).length;
        }
      }
      expect(gone, 'or this proves nothing').toBeGreaterThan(10);
    },
  );

  test.each(formats)('is so as %s', async (format) => {
    const [, since] = moments;
    const until = moments.at(-1);
    const rows = await exported({ format, sincePosition: since?.position });
    expect(rows.some(({ deleted }) => deleted)).toBe(true);
    const copy = brought(since?.things ?? new Map(), rows);
    expect(sorted(copy)).toEqual(sorted(until?.things ?? new Map()));
  });

  test('has of a row that is gone its key, when it went, and nothing else', async () => {
    const [first] = moments;
    const id = 100;
    const set = { owner: 1, mood: 'CALM', at: { x: 1, y: 2, z: 3 }, name: 'it' };
    const rest = { token: '123e4567-e89b-12d3-a456-426614174000', blob: '', big: 1, on: true };
    const late = { when: '2026-01-02T03:04:05Z', data: {} };
    const upsert = { key: { id }, set: { ...set, ...rest, ...late } };
    const there = await commit(13, [{ thing: { upsert } }]);
    const went = await commit(14, [{ thing: { delete: { key: { id } } } }]);
    const where = { id: { eq: id } };
    const format = 'ARROW_STREAM';
    expect(await exported({ format, where, sincePosition: first?.position })).toEqual([]);
    const [row] = await exported({ format, where, sincePosition: there });
    const { committedAt, at, ...values } = row as ExportedRow;
    expect(committedAt).toBeTypeOf('number');
    // The parts of a null are null each.
    expect(JSON.parse(JSON.stringify(at))).toEqual({ x: null, y: null, z: null });
    expect(values).toMatchObject({ sessionId: 'match', id, deleted: true, position: went });
    for (const name of ['owner', 'mood', 'name', 'token', 'blob', 'big', 'on', 'when', 'data']) {
      expect(values[name]).toBeNull();
    }
    moments.push({ position: went, things: moments.at(-1)?.things ?? new Map() });
  });

  test('tells a role of a row that it may see no longer by its key alone', async () => {
    const set = { mood: 'CALM', at: { x: 1, y: 2, z: 3 }, name: 'secret' };
    const rest = { token: '123e4567-e89b-12d3-a456-426614174000', blob: '', big: 1, on: true };
    const late = { when: '2026-01-02T03:04:05Z', data: {} };
    const write = (id: number, owner: number) => ({
      thing: { upsert: { key: { id }, set: { owner, ...set, ...rest, ...late } } },
    });
    const mine = await commit(15, [write(200, 7), write(201, 8)]);
    await commit(16, [write(200, 8), write(201, 8)]);
    const input = { format: 'ARROW_STREAM', sincePosition: mine } as const;
    const rows = await exported(input, 'owner', { player_id: '7' });
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject({ id: 200, deleted: true, owner: null, name: null });
    const others = await exported(input, 'owner', { player_id: '8' });
    expect(others.map(({ id, deleted }) => [id, deleted]).sort()).toEqual([
      [200, false],
      [201, false],
    ]);
  });

  test('marks rows in another column where the table has one of that name', async () => {
    const since = await commit(17, [
      { flagged: { insert: { id: 1, deleted: true } } },
      { flagged: { insert: { id: 2, deleted: false } } },
    ]);
    await commit(18, [
      { flagged: { delete: { key: { id: 2 } } } },
      { flagged: { upsert: { key: { id: 1 }, set: { deleted: false } } } },
    ]);
    const rows = await exported({
      table: 'flagged',
      format: 'ARROW_FILE',
      sincePosition: since,
      columns: ['sessionId', 'id', 'deleted'],
    });
    const byId = [...rows].sort((a, b) => Number(a.id) - Number(b.id));
    expect(byId).toEqual([
      { sessionId: 'match', id: 1, deleted: false, _deleted: false },
      { sessionId: 'match', id: 2, deleted: null, _deleted: true },
    ]);
  });

  test('is refused where the rows that are gone could not be told, or nothing lies between', async () => {
    const since = moments[1]?.position;
    for (const input of [
      { sincePosition: since, columns: ['id', 'owner'] },
      { sincePosition: since, columns: ['owner'] },
      { sincePosition: since, asOf: { position: moments[0]?.position } },
      { sincePosition: '0:999999' },
    ]) {
      const answer = await create('analyst', { table: 'thing', ...input });
      expect(codeOf(answer)).toBe('BAD_USER_INPUT');
    }
    expect(codeOf(await create('analyst', { table: 'thing', columns: ['owner'] }))).toBe('OK');
  });
});
