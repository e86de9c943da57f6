import { afterAll, beforeAll, expect } from 'vitest';
import { type Answer, answerOf, codeOf, Sandbox } from '../serve/sandbox.ts';
import { boundedTitle } from './bounded-title.ts';

/**
 * Two titles whose rows differ in what a role may not see, and in nothing else. Whatever the role asks,
 * both must answer the same: then nothing of the difference can be found out.
 */
export const worlds = ['light', 'dark'] as const;
export type World = (typeof worlds)[number];

export const columns = [
  'unitId',
  'ownerId',
  'health',
  'name',
  'note',
  'secret',
  'orders',
  'version',
];
export const texts = ['name', 'note', 'secret'];
/** In both worlds there are as many rows; those of owner 2 differ in all they can. */
const units = [1, 2, 3, 4, 5, 6];

export let sandbox: Sandbox;

/** Starts the two for the tests of a file, and ends them after those. */
export function useTwoWorlds(): void {
  beforeAll(async () => {
    sandbox = await Sandbox.start({}, ...worlds.map(boundedTitle));
    for (const world of worlds) await fill(world);
  });
  afterAll(() => sandbox.stop());
}

async function fill(world: World): Promise<void> {
  const open = 'mutation { openSession(input: { sessionId: "match" }) { fence } }';
  expect(codeOf(await ask(world, 'simulator', open))).toBe('OK');
  const isDark = world === 'dark';
  const effects: object[] = units.map((unitId) => {
    const isOfOther = unitId > 4;
    const set = {
      ownerId: isOfOther ? 2 : 1,
      health: isOfOther && isDark ? 7 : unitId * 10,
      name: `unit ${unitId}`,
      note: unitId % 2 === 0 && isDark ? null : `${world} note ${unitId}`,
      secret: unitId % 3 === 0 && isDark ? null : `${world} secret ${unitId}`,
      orders: { of: world },
      place: { x: isDark ? -unitId : unitId, y: 0, z: 0 },
    };
    return { units: { upsert: { key: { unitId }, set } } };
  });
  const actions = [{ actionId: 'a', playerId: 1, plan: `${world} plan`, effects: [] }];
  // One world has more of the rows that the role agent does not see.
  const chat = (ownerId: number, n: number) => ({
    chats: {
      append: {
        ownerId,
        name: `unit ${n}`,
        note: `${world} note ${n}`,
        secret: `${world} secret ${n}`,
        weight: ownerId === 1 ? n : isDark ? 0 : 1,
      },
    },
  });
  const others = Array.from({ length: isDark ? 300 : 10 }, (_, i) => chat(2, i));
  effects.push(chat(1, 1), chat(1, 2), chat(1, 3), ...others);
  const input = { sessionId: 'match', tick: 1, actions, effects };
  const done = await ask(world, 'simulator', commit, { input });
  position = fieldOf<{ position: string }>(done, 'commitTick').position;
}

/** Where both logs end: they have as many records. */
export let position = '';

export const commit =
  'mutation ($input: CommitTickInput!) { commitTick(input: $input) { position aborted } }';

export async function ask(
  world: World,
  role: string,
  query: string,
  variables: Record<string, unknown> = {},
): Promise<Answer> {
  const token = await sandbox.token(role, { title: world, player_id: '1' });
  const response = await fetch(`${sandbox.url}/${world}/graphql`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ query, variables }),
  });
  return answerOf(response);
}

/** What a field answered, without errors. */
export function fieldOf<T>(answer: Answer, field: string): T {
  expect(answer.errors).toBeUndefined();
  return answer.data?.[field] as T;
}

/** An answer without what tells one request from another. */
export function told(answer: Answer): unknown {
  return JSON.parse(
    JSON.stringify(answer)
      .replace(/,"memoryPeakBytes":\d+/g, '')
      .replace(/"(requestId|elapsedMs|bytesRead)":("[^"]*"|[\d.]+)/g, '"$1":0')
      .replace(/"name":"[\w-]{22}"/g, '"name":"a pseudonym"')
      .replaceAll('dark', 'light'),
  );
}

/** What both worlds answer; fails where they differ, or where a hidden value stands in an answer. */
export async function toldByBoth(
  role: string,
  query: string,
  variables: Record<string, unknown> = {},
): Promise<Answer> {
  const [light, dark] = await Promise.all(
    worlds.map((world) => ask(world, role, query, variables)),
  );
  const text = JSON.stringify([light, dark]);
  expect(text, query).not.toMatch(/light (note|secret|plan)|dark (note|secret|plan)|unit \d/);
  expect(told(dark as Answer), query).toEqual(told(light as Answer));
  return light as Answer;
}
