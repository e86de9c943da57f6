import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, print } from 'graphql';
import { expect, test } from 'vitest';
import { serializeManifest } from '../../engine/manifest/manifest-json.ts';
import { AshfallClient } from '../../examples/ashfall/tickloom.ts';
import { ashfall } from '../../src/sandbox/ashfall.ts';
import { Sandbox } from '../serve/sandbox.ts';
import { runCli, temporaryDirectory } from './cli-process.ts';

const board = `query Board($session: ID!) {
  matchPulse(where: { sessionId: { eq: $session } }) {
    ...Where
    rows {
      ...Pulse
    }
  }
}
`;

function generateIn(directory: string, files: string, ...more: string[]) {
  const path = (name: string) => join(directory, name);
  const flags = ['--manifest', path('title.json'), '--out', path('client.ts'), ...more];
  const list = ['--operations', path(files), '--operations-out', path('operations.json')];
  return runCli(['generate', 'sdk', ...flags, ...list]);
}

test('the list that is generated lets a role live by it: the client and the files of the game run, nothing else', async () => {
  const directory = temporaryDirectory();
  const path = (name: string) => join(directory, name);
  mkdirSync(path('src/parts'), { recursive: true });
  writeFileSync(path('title.json'), serializeManifest(ashfall));
  writeFileSync(path('src/board.graphql'), board);
  writeFileSync(path('src/parts/where.graphql'), 'fragment Where on MatchPulseRows { position }\n');
  writeFileSync(
    path('src/parts/pulse.graphql'),
    'fragment Pulse on MatchPulse { sessionId actions }\n',
  );
  const generate = () => generateIn(directory, 'src/**/*.graphql', '--json');
  const generated = await generate();
  expect(generated.code, generated.err).toBe(0);
  const list = JSON.parse(readFileSync(path('operations.json'), 'utf8')) as Record<string, string>;
  expect(JSON.parse(generated.out)).toMatchObject({ operations: Object.keys(list).length });
  for (const [id, text] of Object.entries(list)) {
    expect(id).toBe(createHash('sha256').update(text).digest('hex'));
  }
  const whole = print(
    parse(
      `${board} fragment Where on MatchPulseRows { position } fragment Pulse on MatchPulse { sessionId actions }`,
    ),
  );
  const id = createHash('sha256').update(whole).digest('hex');
  expect(list[id]).toBe(whole);
  const first = readFileSync(path('operations.json'), 'utf8');
  await generate();
  expect(readFileSync(path('operations.json'), 'utf8')).toBe(first);

  const sandbox = await Sandbox.start({
    persistedOperations: path('operations.json'),
    operations: 'persisted-only',
  });
  try {
    const serving = new AshfallClient({
      url: sandbox.url,
      token: await sandbox.token('game-server'),
    });
    const match = await serving.openSession('m1');
    await match.commit(1, (tick) => {
      tick
        .action({ actionId: 'a', playerId: 3, kind: 'MOVE', unitIds: [7] })
        .unitState.insert({ unitId: 7, ownerId: 3 });
    });
    expect(await serving.unitState.get({ sessionId: 'm1', unitId: 7 })).toMatchObject({
      unitId: 7,
    });
    expect(
      (await serving.unitState.list({ where: { sessionId: { eq: 'm1' }, ownerId: { eq: 3 } } }))
        .rows,
    ).toHaveLength(1);
    const watching = new AshfallClient({
      url: sandbox.url,
      token: await sandbox.token('liveops'),
    });
    for await (const frame of watching.matchPulse.changes()) {
      expect(frame.kind).toBe('SNAPSHOT');
      break;
    }
    const asked = await fetch(`${sandbox.url}/ashfall/graphql`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${await sandbox.token('liveops')}`,
        'content-type': 'application/json',
      },
      body: JSON.stringify({ documentId: id, variables: { session: 'm1' } }),
    });
    expect(await asked.json()).toMatchObject({
      data: { matchPulse: { rows: [{ sessionId: 'm1', actions: 1 }] } },
    });
    await expect(watching.graphql('{ __typename }')).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await match.close();
    await serving.close();
    await watching.close();
  } finally {
    await sandbox.stop();
  }
});

test('a file with an operation that is not valid is named with its line, and nothing is written', async () => {
  const directory = temporaryDirectory();
  writeFileSync(join(directory, 'title.json'), serializeManifest(ashfall));
  const run = (text: string) => {
    writeFileSync(join(directory, 'a.graphql'), text);
    return generateIn(directory, '*.graphql');
  };
  const wrong: [string, string][] = [
    [
      'query A {\n  matchPulse {\n    nothing\n  }\n}\n',
      'a.graphql:3: Cannot query field "nothing"',
    ],
    ['\nquery A {', 'a.graphql:2: Syntax Error'],
    ['{ __typename }', 'a.graphql:1: an operation of a list needs a name'],
    ['query A { matchPulse { ...Gone } }', 'a.graphql:1: Unknown fragment "Gone"'],
  ];
  for (const [text, message] of wrong) {
    const refused = await run(text);
    expect([refused.code, refused.err]).toEqual([1, expect.stringContaining(message)]);
  }
  expect(() => readFileSync(join(directory, 'client.ts'))).toThrow('ENOENT');
  const none = await generateIn(directory, 'no/*.graphql');
  expect([none.code, none.err]).toEqual([
    1,
    expect.stringMatching(/no file fits .*no\/\*\.graphql/),
  ]);
});
