import type { TableDefinition, ViewDefinition } from '../model/types.ts';
import type { Problems } from './problems.ts';

/**
 * Tables, views and enum columns become GraphQL types and root fields whose names are theirs with
 * a suffix. Two of them must not meet, nor meet a name that every title's API has.
 */
export function checkGraphqlNames(
  problems: Problems,
  tables: readonly TableDefinition[],
  views: readonly ViewDefinition[],
): void {
  const owners = new Map<string, string>();
  for (const name of [...fixedTypes, ...fixedFields]) owners.set(name, 'every API has it');
  for (const { place, names } of generatedNames(tables, views)) {
    const clash = names.find((name) => owners.has(name));
    if (clash !== undefined) {
      const owner = owners.get(clash);
      problems.add(place, `its GraphQL name "${clash}" is taken (${owner}); choose another name`);
    }
    for (const name of names) if (!owners.has(name)) owners.set(name, place);
  }
}

export interface GeneratedNames {
  /** What the names come from. */
  readonly place: string;
  readonly names: readonly string[];
}

/** The names of types and root fields that a table, view or enum column may give rise to. */
export function generatedNames(
  tables: readonly TableDefinition[],
  views: readonly ViewDefinition[],
): GeneratedNames[] {
  const all: GeneratedNames[] = [];
  for (const { name, place } of [
    ...tables.map((table) => ({ name: table.name, place: `tables.${table.name}` })),
    ...views.map((view) => ({ name: view.name, place: `views.${view.name}` })),
  ]) {
    const type = capitalised(name);
    all.push({
      place,
      names: [
        ...fieldSuffixes.map((suffix) => name + suffix),
        `compareAndSet${type}`,
        ...typeSuffixes.map((suffix) => type + suffix),
      ],
    });
  }
  for (const table of tables) {
    const prefix = table.kind === 'action' ? 'Action' : capitalised(table.name);
    for (const column of table.columns) {
      if (column.kind !== 'enum') continue;
      const place = `tables.${table.name}.columns.${column.name}`;
      const type = prefix + capitalised(column.name);
      all.push({ place, names: [type, `${type}Filter`] });
    }
  }
  return all;
}

function capitalised(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1);
}

const fieldSuffixes = ['', 'List', 'Groups', 'Changes'];

const typeSuffixes = [
  '',
  'Add',
  'Adjust',
  'Avg',
  'Column',
  'CompareAndSet',
  'Connection',
  'CountDistinct',
  'Delete',
  'Edge',
  'Effect',
  'Frame',
  'Group',
  'GroupColumn',
  'GroupKey',
  'GroupOrder',
  'Groups',
  'Key',
  'Max',
  'Min',
  'Order',
  'OrderColumn',
  'Quantile',
  'Require',
  'Row',
  'RowKey',
  'Rows',
  'Set',
  'Sum',
  'Upsert',
  'Where',
  'WriteKey',
  'WriteResult',
];

/** Root fields of every API. */
export const fixedFields = [
  'auditLog',
  'closeSession',
  'commitTick',
  'contention',
  'createExport',
  'explainAccess',
  'export',
  'indexAdvice',
  'insights',
  'killQuery',
  'openSession',
  'operations',
  'runningQueries',
  'liveSubscriptions',
  'endSubscription',
  'session',
  'sessions',
  'slowQueries',
  'sql',
];

/** Types of every API. */
export const fixedTypes = [
  'AccessExplanation',
  'Action',
  'ActionInput',
  'ActionResult',
  'AsOf',
  'AuditConnection',
  'AuditEdge',
  'AuditEntry',
  'AuditWhere',
  'BigInt',
  'BigIntFilter',
  'Boolean',
  'BooleanFilter',
  'Bytes',
  'BytesFilter',
  'CloseSessionInput',
  'ColumnAccess',
  'ColumnShown',
  'CommitTickInput',
  'CommitTickPayload',
  'Conflict',
  'ConflictCode',
  'ConflictCodeFilter',
  'ConflictPolicy',
  'Contention',
  'ContentionCount',
  'ContentionKind',
  'CreateExportInput',
  'DateTime',
  'DateTimeFilter',
  'EffectInput',
  'Export',
  'ExportCompression',
  'ExportFormat',
  'ExportState',
  'FirstVerdict',
  'Float',
  'FloatFilter',
  'FrameKind',
  'ID',
  'IDFilter',
  'IndexAdvice',
  'Insight',
  'InsightKind',
  'InsightSeverity',
  'Int',
  'IntFilter',
  'JSON',
  'LagPolicy',
  'Mutation',
  'OpenSessionInput',
  'OperationKind',
  'OperationOrder',
  'OperationStatistics',
  'OrderDirection',
  'PageInfo',
  'Position',
  'PositionFilter',
  'PresenceFilter',
  'Query',
  'QueryClass',
  'RunningQuery',
  'LiveSubscription',
  'SubscriptionTransport',
  'Session',
  'SessionColumn',
  'SessionConnection',
  'SessionEdge',
  'SessionOrder',
  'SessionWhere',
  'SlowQuery',
  'SqlColumn',
  'SqlResult',
  'String',
  'StringFilter',
  'Subscription',
  'TableRight',
  'UuidFilter',
  'Vec3',
  'Vec3Add',
  'Vec3Filter',
  'Vec3Input',
  'Verdict',
  'WriterRef',
];
