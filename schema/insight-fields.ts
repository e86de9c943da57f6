import { limits } from '../engine/model/limits.ts';
import { currentInsights, operations, slowQueries } from '../resolvers/insight/fields.ts';
import type { FinishedKind, FinishedOperation } from '../resolvers/insight/finished-operation.ts';
import type { OperationOrder } from '../resolvers/insight/finished-work.ts';
import type { Insight, InsightKind, InsightSeverity } from '../resolvers/insight/insights.ts';
import type { OperationStatistics } from '../resolvers/insight/operation-statistics.ts';
import type { SchemaScope } from './scope.ts';
import type { SharedTypes } from './shared-types.ts';

/** `operations`, `slowQueries`, `insights`. */
export function addInsightFields(scope: SchemaScope, shared: SharedTypes): void {
  const kind = addOperationKind(scope);
  addOperations(scope, kind);
  addSlowQueries(scope, shared, kind);
  addInsights(scope);
}

function addOperationKind({ builder }: SchemaScope) {
  return builder.enumType('OperationKind', {
    description: 'What an operation does.',
    values: {
      QUERY: { description: 'Reads.' },
      MUTATION: { description: 'Writes, or starts something.' },
      SUBSCRIPTION: { description: 'Follows; its durations are those until it has begun.' },
      COMMIT: { description: 'A tick by the commit endpoint.' },
    } satisfies Record<FinishedKind, unknown>,
  });
}

type KindRef = ReturnType<typeof addOperationKind>;

function addOperations({ builder }: SchemaScope, kind: KindRef): void {
  const order = builder.enumType('OperationOrder', {
    description: 'Which operations come first.',
    values: {
      TOTAL_TIME: { description: 'Those that took the most time, all runs together.' },
      P99: { description: 'Those whose slowest runs are the slowest.' },
      COUNT: { description: 'Those that ran most often.' },
      ROWS_READ: { description: 'Those that read the most rows.' },
      FAILED: { description: 'Those that failed most often.' },
    } satisfies Record<OperationOrder, unknown>,
  });
  const statistics = builder.objectRef<OperationStatistics>('OperationStatistics').implement({
    description: 'What all runs of one operation came to since the server started.',
    fields: (t) => ({
      fingerprint: t.string({
        description: 'Equal for operations that differ in values alone.',
        resolve: ({ shape }) => shape.fingerprint,
      }),
      name: t.string({
        nullable: true,
        description: 'As its document names it.',
        resolve: ({ shape }) => shape.name,
      }),
      text: t.string({
        description: 'Its text without the values, cut where it is long.',
        resolve: ({ shape }) => shape.text,
      }),
      kind: t.expose('kind', { type: kind, description: 'What it does.' }),
      count: t.exposeInt('count', { description: 'How often it ran.' }),
      failed: t.exposeInt('failed', { description: 'How often it failed.' }),
      lastCode: t.exposeString('lastCode', {
        nullable: true,
        description: 'The code of its last failure.',
      }),
      totalMs: t.exposeFloat('totalMs', { description: 'How long all runs took together.' }),
      waitMs: t.exposeFloat('waitMs', {
        description: 'How much of that was waiting for a position that was asked for.',
      }),
      p50Ms: t.float({
        description: 'How long half of the runs took at most, to within 6%.',
        resolve: (of) => of.percentileMs(50),
      }),
      p99Ms: t.float({
        description: 'How long 99 in a hundred runs took at most, to within 6%.',
        resolve: (of) => of.percentileMs(99),
      }),
      maxMs: t.exposeFloat('maxMs', { description: 'The longest run.' }),
      rowsRead: t.exposeFloat('rowsRead', { description: 'Rows read by all runs.' }),
      bytesRead: t.exposeFloat('bytesRead', {
        description: 'Bytes read in the column store by all runs.',
      }),
      memoryPeakBytes: t.exposeFloat('memoryPeakBytes', {
        nullable: true,
        description: 'The most memory that a run took in the column store; null: none used it.',
      }),
      roles: t.stringList({
        description: `The roles that ran it, ${limits.operationRolesMax} at most.`,
        resolve: ({ roles }) => [...roles],
      }),
      firstSeen: t.field({
        type: 'DateTime',
        description: 'When it was first seen.',
        resolve: ({ firstSeenAtMs }) => firstSeenAtMs,
      }),
      lastSeen: t.field({
        type: 'DateTime',
        description: 'When it ran last.',
        resolve: ({ lastSeenAtMs }) => lastSeenAtMs,
      }),
    }),
  });
  builder.queryField('operations', (t) =>
    t.field({
      type: [statistics],
      description: `Every operation that ran, with what it cost, counted in memory since the server started: the ${limits.operationsKeptMax} seen last. Where others were forgotten, \`extensions.tickloom.truncated\` names this field.`,
      args: {
        first: t.arg.int({ description: 'At most so many; 100 where it is left out.' }),
        orderBy: t.arg({ type: order, description: '`TOTAL_TIME` where it is left out.' }),
      },
      resolve: operations,
    }),
  );
}

function addSlowQueries(
  { builder }: SchemaScope,
  { queryClass }: SharedTypes,
  kind: KindRef,
): void {
  const slow = builder.objectRef<FinishedOperation>('SlowQuery').implement({
    description: 'An operation that took longer than its class allows for.',
    fields: (t) => ({
      fingerprint: t.string({
        description: 'As in `operations`.',
        resolve: ({ shape }) => shape.fingerprint,
      }),
      name: t.string({
        nullable: true,
        description: 'As its document names it.',
        resolve: ({ shape }) => shape.name,
      }),
      text: t.string({
        description: 'Its text without the values, cut where it is long.',
        resolve: ({ shape }) => shape.text,
      }),
      kind: t.expose('kind', { type: kind, description: 'What it does.' }),
      subject: t.exposeString('subject', { description: 'Who asked.' }),
      role: t.exposeString('role', { nullable: true, description: 'With which role.' }),
      class: t.expose('queryClass', {
        type: queryClass,
        description: 'In which class it ran.',
      }),
      requestId: t.exposeString('requestId', { description: 'By which the log names it.' }),
      endedAt: t.field({
        type: 'DateTime',
        description: 'When it ended.',
        resolve: ({ endedAtMs }) => endedAtMs,
      }),
      elapsedMs: t.exposeFloat('elapsedMs', { description: 'How long it took.' }),
      waitMs: t.exposeFloat('waitMs', {
        description: 'How much of that was waiting for a position that was asked for.',
      }),
      rowsRead: t.exposeFloat('rowsRead', { description: 'Rows it read.' }),
      bytesRead: t.exposeFloat('bytesRead', {
        description: 'Bytes it read in the column store.',
      }),
      memoryPeakBytes: t.exposeFloat('memoryPeakBytes', {
        nullable: true,
        description: 'The memory it took in the column store; null: it did not use it.',
      }),
      code: t.exposeString('code', {
        nullable: true,
        description: 'What it failed with; null: it succeeded.',
      }),
    }),
  });
  builder.queryField('slowQueries', (t) =>
    t.field({
      type: [slow],
      description: `Operations that took longer than their class allows for (\`--slow-ms\`), the newest first: the last ${limits.slowOperationsKeptMax} since the server started.`,
      args: { first: t.arg.int({ description: 'At most so many; 100 where it is left out.' }) },
      resolve: slowQueries,
    }),
  );
}

function addInsights({ builder }: SchemaScope): void {
  const kind = builder.enumType('InsightKind', {
    description: 'What an insight tells of.',
    values: {
      COLUMNS_DOWN: { description: 'ClickHouse does not answer.' },
      COLUMNS_BEHIND: { description: 'The column store lacks many ticks.' },
      SLOW_DISK: { description: 'The disk is slow to take the log.' },
      SLOW_VIEW: { description: 'Subscribers see changes late.' },
      MEMORY_FILLS: { description: 'Live rows and views fill their memory.' },
      AUDIT_BEHIND: { description: 'Audit records wait for the disk.' },
      CONTENTION: { description: 'A row or a session that conflicts or waits much.' },
      HEAVY_OPERATION: { description: 'An operation that takes much of the time of all.' },
      SLOW_OPERATION: { description: 'An operation that is slow for its class.' },
      SCANNING_OPERATION: { description: 'An operation that reads very many rows.' },
      FAILING_OPERATION: { description: 'An operation that often fails.' },
    } satisfies Record<InsightKind, unknown>,
  });
  const severity = builder.enumType('InsightSeverity', {
    description: 'How soon to look.',
    values: {
      CRITICAL: { description: 'Now: something does not work.' },
      WARNING: { description: 'Soon: something works badly.' },
      NOTE: { description: 'When there is time: something could be better.' },
    } satisfies Record<InsightSeverity, unknown>,
  });
  const insight = builder.objectRef<Insight>('Insight').implement({
    description: 'Something an operator should know now.',
    fields: (t) => ({
      kind: t.expose('kind', { type: kind, description: 'What it tells of.' }),
      severity: t.expose('severity', { type: severity, description: 'How soon to look.' }),
      about: t.exposeString('about', {
        description: 'The row, session, operation or part it is about.',
      }),
      cause: t.exposeString('cause', { description: 'What happens, and why it matters.' }),
      evidence: t.field({
        type: 'JSON',
        description: 'The figures it rests on.',
        resolve: ({ evidence }) => evidence,
      }),
      mend: t.exposeString('mend', { description: 'What to do about it.' }),
    }),
  });
  builder.queryField('insights', (t) =>
    t.field({
      type: [insight],
      description: `What an operator should know now, the gravest first, each with cause, evidence and mend; ${limits.insightsMax} at most.`,
      resolve: currentInsights,
    }),
  );
}
