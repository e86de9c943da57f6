import type { SqlResult } from '../engine/index.ts';
import { coveredPosition } from '../resolvers/position.ts';
import { killQuery, runningQueries, runningSince, sql, sqlRows } from '../resolvers/queries.ts';
import type { RunningQuery } from '../resolvers/running-queries.ts';
import type { SchemaScope } from './scope.ts';
import type { SharedTypes } from './shared-types.ts';

/** `sql`, `runningQueries`, `killQuery`. */
export function addQueryFields(scope: SchemaScope, shared: SharedTypes): void {
  addSqlField(scope);
  addRunningFields(scope, shared);
}

function addSqlField({ builder }: SchemaScope): void {
  const column = builder.objectRef<SqlResult['columns'][number]>('SqlColumn').implement({
    description: 'A column of a result.',
    fields: (t) => ({
      name: t.exposeString('name', { description: 'Its name.' }),
      type: t.exposeString('type', { description: 'Its type, as the column store names it.' }),
    }),
  });
  const result = builder.objectRef<SqlResult>('SqlResult').implement({
    description: 'The result of a query.',
    fields: (t) => ({
      columns: t.expose('columns', { type: [column], description: 'Its columns, in order.' }),
      rows: t.field({
        type: ['JSON'],
        description: 'Its rows, each a list of values in the order of the columns.',
        resolve: sqlRows,
      }),
      truncated: t.exposeBoolean('truncated', {
        description: 'Whether there were more rows than `first`.',
      }),
      coveredPosition: t.field({
        type: 'Position',
        description: 'Everything committed up to here is in the answer.',
        resolve: coveredPosition,
      }),
    }),
  });
  builder.queryField('sql', (t) =>
    t.field({
      type: result,
      description:
        "Read-only SQL in ClickHouse's dialect over the title's tables by their names, within the time, memory and rows of the request's class.",
      args: {
        query: t.arg.string({
          required: true,
          description: 'One SELECT, with parameters as `{name:Type}`.',
        }),
        parameters: t.arg({ type: 'JSON', description: 'An object of the parameters, by name.' }),
        first: t.arg.int({ description: 'Rows at most; 100 where it is left out.' }),
        minPosition: t.arg({
          type: 'Position',
          description:
            'The answer must cover at least this; it waits a moment, then fails with `NOT_CAUGHT_UP`.',
        }),
      },
      resolve: sql,
    }),
  );
}

function addRunningFields({ builder }: SchemaScope, { queryClass }: SharedTypes): void {
  const running = builder.objectRef<RunningQuery>('RunningQuery').implement({
    description: 'A query of the column store that runs now.',
    fields: (t) => ({
      id: t.exposeID('id', { description: 'What `killQuery` takes.' }),
      field: t.exposeString('field', { description: 'The field it answers.' }),
      subject: t.exposeString('subject', { description: 'Who asked.' }),
      role: t.exposeString('role', { description: 'With which role.' }),
      class: t.expose('class', { type: queryClass, description: 'In which class it runs.' }),
      startedAt: t.field({
        type: 'DateTime',
        description: 'When it began.',
        resolve: runningSince,
      }),
      sql: t.exposeString('sql', {
        nullable: true,
        description: 'Its text, where it was given as SQL.',
      }),
    }),
  });
  builder.queryField('runningQueries', (t) =>
    t.field({
      type: [running],
      description: 'Queries of the column store that run now, the oldest first.',
      resolve: runningQueries,
    }),
  );
  builder.mutationField('killQuery', (t) =>
    t.boolean({
      description:
        'Stops a query; false where none of that id runs. Whoever asked gets `QUERY_KILLED`.',
      args: { id: t.arg.id({ required: true, description: 'Its id in `runningQueries`.' }) },
      resolve: killQuery,
    }),
  );
}
