import { readFileSync } from 'node:fs';
import {
  buildSchema,
  getVariableValues,
  Kind,
  type OperationDefinitionNode,
  parse,
  validate,
} from 'graphql';
import { expect, it } from 'vitest';
import { serializeManifest } from '../../engine/manifest/manifest-json.ts';
import { AshfallClient } from '../../examples/ashfall/tickloom.ts';
import { sdkOperations } from '../../sdk/generate/index.ts';
import { ashfall } from '../../src/sandbox/ashfall.ts';
import { committed, data, type ScriptedRequest, ScriptedServer } from './scripted-server.ts';

const schema = buildSchema(
  readFileSync(new URL('../schema/ashfall.graphql', import.meta.url), 'utf8'),
);

const commitTick = 'mutation ($input: CommitTickInput!) { commitTick(input: $input) { tick } }';

/** What the server would say of the request before it runs it; a tick says what the mutation does. */
function problemsOf(request: ScriptedRequest): string[] {
  const { query, variables } = request.tick
    ? { query: commitTick, variables: { input: request.tick } }
    : request;
  const document = parse(query);
  const invalid = validate(schema, document).map((error) => error.message);
  if (invalid.length > 0) return invalid;
  const operation = document.definitions.find(
    (definition): definition is OperationDefinitionNode =>
      definition.kind === Kind.OPERATION_DEFINITION,
  );
  const coerced = getVariableValues(schema, operation?.variableDefinitions ?? [], variables);
  return (coerced.errors ?? []).map((error) => error.message);
}

const position = '0:3';
const session = { sessionId: 'm1', fence: 1, lastTick: 4, position, stateHash: 'ab', open: true };
const outcome = {
  position,
  sessionId: 'm1',
  tick: 5,
  duplicate: false,
  accepted: 1,
  rejected: 0,
  aborted: false,
  stateHash: 'ab',
  conflict: null,
  results: [],
};
const exported = {
  id: 'e1',
  url: '/ashfall/exports/e1?expires=1',
  expiresAt: '2026-01-31T12:00:00.000Z',
  state: 'READY',
  position,
  rows: null,
  bytes: null,
  format: 'ARROW_STREAM',
};

/** One answer that satisfies whatever field is asked for. */
function answerOf({ query, operation }: ScriptedRequest) {
  const field = /\{\s*(\w+)/.exec(query.slice(query.indexOf(')') + 1))?.[1] ?? '';
  if (operation === 'CommitTick') return committed(outcome);
  if (field.endsWith('Session') || field === 'session') return data({ [field]: session });
  if (field.endsWith('xport')) return data({ [field]: exported });
  if (field.endsWith('List')) {
    const pageInfo = { hasNextPage: false, endCursor: null };
    return data({ [field]: { nodes: [], pageInfo } });
  }
  if (field.endsWith('Groups')) return data({ [field]: { nodes: [], coveredPosition: position } });
  if (field.startsWith('compareAndSet')) {
    return data({ [field]: { position, row: null, conflict: null } });
  }
  return data({ [field]: operation.endsWith('State') ? null : { position, rows: [] } });
}

it('asks only what the schema of ashfall has, with variables it takes', async () => {
  const server = await ScriptedServer.start(answerOf);
  try {
    const client = new AshfallClient({
      url: server.url,
      token: 'secret',
      subscriptions: 'sse',
      retry: { attemptsMax: 1 },
    });
    await client.session('m1');
    const match = await client.openSession('m1', { takeOver: true });
    await match.commit(
      5,
      (tick) => {
        tick
          .action({ actionId: 'a1', playerId: 3, kind: 'MOVE', unitIds: [7, 8], x: 1.5, y: 2 })
          .unitState.insert({ unitId: 7, ownerId: 3, health: 1 })
          .unitState.upsert({ unitId: 8 }, { ownerId: 3 }, { require: { ownerId: { eq: 3 } } })
          .unitState.compareAndSet({ unitId: 8 }, 1, { orderKind: null })
          .playerWallet.adjust(
            { playerId: 3, resource: 'MASS' },
            { balance: -5 },
            { require: { balance: { gte: 0 } } },
          )
          .unitState.delete({ unitId: 9 }, { expectedVersion: 4, require: { health: { lte: 0 } } })
          .resourceLedger.append({ playerId: 3, resource: 'MASS', amount: -5, reason: 'move' });
        tick.stateSnapshot.append({ source: 'sim', checksum: 'f00', data: { units: [1, 2] } });
      },
      { onConflict: 'ABORT_TICK', idempotencyKey: 'k' },
    );
    const pipeline = match.pipeline();
    void pipeline.commit(6, () => {});
    await pipeline.commit(7, () => {});
    await match.info();
    await match.close();

    await client.unitState.get({ sessionId: 'm1', unitId: 7 });
    await client.unitState.compareAndSet(
      { sessionId: 'm1', unitId: 7 },
      2,
      { health: 3 },
      { require: { or: [{ health: { isNull: true } }, { not: { ownerId: { in: [1, 2] } } }] } },
    );
    await client.unitState.list({
      where: { sessionId: { eq: 'm1' }, ownerId: { eq: 3 } },
      orderBy: [{ column: 'unitId', direction: 'DESC' }],
      first: 10,
      after: 'c',
      columns: ['unitId', 'version'],
    });
    await client.unitState.groups({
      by: ['ownerId'],
      sum: ['ownerId', 'health'],
      orderBy: [{ column: 'count' }],
    });
    await client.playerWallet.list();
    await client.playerProfile.list();
    await client.playerProfile.compareAndSet({ playerId: 1 }, 1, { suspended: true });
    await client.actionLog.list({
      where: { kind: { in: ['MOVE', 'ATTACK'] }, x: { between: [0, 10] } },
      minPosition: position,
    });
    await client.actionLog.groups({
      by: ['playerId', 'kind'],
      tickBucket: 600,
      where: { committedAt: { gte: new Date(0) }, actionId: { like: 'a%' } },
      sum: ['x', 'playerId'],
      avg: ['x'],
      min: ['committedAt'],
      max: ['tick'],
      countDistinct: ['playerId'],
      quantiles: { median: { q: 0.5, of: ['x'] }, p99: { q: 0.99, of: ['x', 'y'] } },
      orderBy: [{ column: 'tickBucket' }, { column: 'count', direction: 'DESC' }],
      first: 5,
      minPosition: position,
    });
    await client.resourceLedger.list({ columns: ['amount'] });
    await client.stateSnapshot.list();
    await client.matchMetrics.groups({ max: ['value'] });
    const views = [
      client.matchPulse,
      client.playerActivity,
      client.orderMix,
      client.resourceBalance,
      client.playerTotals,
      client.busiestPlayers,
    ];
    for (const view of views) await view.rows({ where: { sessionId: { eq: 'm1' } } });
    const live = [...views, client.unitState, client.playerWallet, client.playerProfile];
    for (const source of live) {
      const changes = source.changes({ cursor: 'c', maxRate: 2, onLag: 'DISCONNECT' });
      // The answer is no stream: only the request is of interest.
      await expect(changes[Symbol.asyncIterator]().next()).rejects.toThrow();
    }
    const link = await client.createExport({
      table: 'actionLog',
      where: { tick: { lt: 100 } },
      columns: ['tick', 'kind'],
      format: 'PARQUET',
      compression: 'ZSTD',
      sincePosition: position,
      asOf: { position },
    });
    await link.status();
    await client.createExport({ sql: 'SELECT {n:UInt32}', parameters: { n: 1 } });

    // What a list of operations is to hold, but where the caller chooses what is selected.
    const listed = new Set(sdkOperations(JSON.parse(serializeManifest(ashfall))));
    const others = server.requests.filter(({ query, tick }) => !tick && !listed.has(query));
    expect(new Set(others.map(({ operation }) => operation))).toEqual(
      new Set([
        'UnitStateList',
        'UnitStateGroups',
        'ActionLogGroups',
        'ResourceLedgerList',
        'MatchMetricsGroups',
      ]),
    );
    for (const text of listed) expect(validate(schema, parse(text))).toEqual([]);

    const problems = server.requests.map((request) => [request.operation, problemsOf(request)]);
    expect(problems.filter(([, found]) => found?.length !== 0)).toEqual([]);
    expect(new Set(problems.map(([operation]) => operation)).size).toBeGreaterThan(30);
  } finally {
    await server.close();
  }
});
