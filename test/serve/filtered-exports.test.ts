import { tableFromIPC } from 'apache-arrow';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TitleManifest } from '../../engine/model/types.ts';
import { ashfall } from '../../src/sandbox/ashfall.ts';
import { answerOf, codeOf, Sandbox } from './sandbox.ts';

/** Players may export their own actions. */
const title: TitleManifest = {
  ...ashfall,
  roles: ashfall.roles.map((role) =>
    role.name === 'player'
      ? {
          ...role,
          capabilities: ['export'],
          tables: [
            {
              table: 'actionLog',
              read: true,
              aggregate: false,
              write: false,
              rowFilter: { column: 'playerId', claim: 'player_id' },
            },
          ],
        }
      : role,
  ),
};

const createExport = `mutation Create($input: CreateExportInput!) {
  createExport(input: $input) { url }
}`;

let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await Sandbox.start({}, title);
  await sandbox.openSession('match');
  // Five actions each: those of player 1 are 0, 2 and 4, those of player 2 are 1 and 3.
  for (let tick = 1; tick <= 3; tick++) await sandbox.commit('match', tick, 5);
});
afterAll(() => sandbox.stop());

async function create(claims: Record<string, string>, input: object) {
  const token = await sandbox.token('player', { subject: 'p', ...claims });
  const response = await fetch(`${sandbox.url}/ashfall/graphql`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      query: createExport,
      variables: { input: { table: 'actionLog', ...input } },
    }),
  });
  return answerOf(response);
}

/** The ids of the actions that a player gets. */
async function exported(player: number, input: object = {}): Promise<string[]> {
  const answer = await create({ player_id: String(player) }, input);
  if (!answer.data) throw new Error(JSON.stringify(answer.errors));
  const { url } = answer.data.createExport as { url: string };
  const table = tableFromIPC(await (await fetch(url)).bytes());
  return [...(table.getChild('actionId') ?? [])].map(String).sort();
}

const own = ['1-1', '1-3', '2-1', '2-3', '3-1', '3-3'];

describe('an export by a role that sees some rows only, from the real column store', () => {
  test('holds those rows, and all of them', async () => {
    expect(await exported(2)).toEqual(own);
    expect((await exported(1)).length).toBe(9);
    expect(await exported(3)).toEqual([]);
  });

  test.each<[string, object]>([
    ['a condition that holds for all rows', { where: { or: [{ tick: { gte: 0 } }] } }],
    [
      'a condition on the rows of another',
      { where: { or: [{ playerId: { eq: 1 } }, { tick: { gt: 0 } }] } },
    ],
    ['a condition that is negated', { where: { not: { playerId: { eq: 99 } } } }],
    ['columns without the one it is told by', { columns: ['actionId'] }],
    ['rows since the beginning', { sincePosition: '0:0' }],
    ['a file instead of a stream', { format: 'ARROW_FILE' }],
  ])('is not widened by %s', async (_name, input) => {
    expect(await exported(2, input)).toEqual(own);
  });

  test('is narrowed by a condition', async () => {
    expect(await exported(2, { where: { tick: { eq: 2 } } })).toEqual(['2-1', '2-3']);
    expect(await exported(2, { where: { playerId: { eq: 1 } } })).toEqual([]);
  });

  test('needs the claim that names the rows', async () => {
    expect(codeOf(await create({}, {}))).toBe('FORBIDDEN');
    expect(codeOf(await create({ player_id: 'me' }, {}))).toBe('FORBIDDEN');
  });
});
