import type { Row } from '../engine/index.ts';
import { rowByKey, rowListOf } from '../resolvers/rows.ts';
import { addConnection } from './connection.ts';
import type { SchemaScope } from './scope.ts';
import { asOfDescription, minPositionDescription, type SharedTypes } from './shared-types.ts';
import { addKeyInput, type TableTypes } from './table-types.ts';

/** `unitState(key)`, `unitStateList(…)`: rows one by one and in pages. */
export function addRowFields(scope: SchemaScope, shared: SharedTypes, types: TableTypes): void {
  if (types.table.kind === 'state') addRowByKey(scope, shared, types);
  addRowList(scope, shared, types);
}

function addRowByKey(
  scope: SchemaScope,
  shared: SharedTypes,
  { table, relation, row }: TableTypes,
): void {
  const key = addKeyInput(scope, relation);
  scope.builder.queryField(table.name, (t) =>
    t.field({
      type: row,
      nullable: true,
      description: `The live row of \`${table.name}\` under a key; null where there is none, or none this role may see.`,
      args: {
        key: t.arg({ type: key, required: true, description: 'The whole key.' }),
        asOf: t.arg({ type: shared.asOf, description: asOfDescription }),
      },
      resolve: rowByKey(table, table.name),
    }),
  );
}

function addRowList(scope: SchemaScope, shared: SharedTypes, types: TableTypes): void {
  const { table, where, order } = types;
  const isState = table.kind === 'state';
  const field = `${table.name}List`;
  const connection = addConnection<Row>(scope, shared, {
    typeName: types.relation.typeName,
    node: types.row,
    of: `\`${table.name}\``,
    edge: `A row of \`${table.name}\``,
    noun: 'row',
    position: isState ? liveRows : coveredRows,
  });
  scope.builder.queryField(field, (t) =>
    t.field({
      type: connection,
      description: isState
        ? `Rows of \`${table.name}\`, a page at a time, exactly as of the position the page states: live ones where a key or an index serves the \`where\` or there are few, else from the column store, where a GAMEPLAY read is refused (\`SCAN_REFUSED\`).`
        : `Rows of \`${table.name}\` from the column store, a page at a time, in order of session, tick and place in the tick unless \`orderBy\` says otherwise.`,
      args: {
        where: t.arg({ type: where, description: 'Which rows; all where it is left out.' }),
        orderBy: t.arg({ type: [order], description: 'Their order; ties are broken by key.' }),
        first: t.arg.int({ description: 'Rows of the page at most; 100 where it is left out.' }),
        after: t.arg.string({ description: 'The cursor after which the page begins.' }),
        minPosition: t.arg({ type: 'Position', description: minPositionDescription }),
        asOf: t.arg({ type: shared.asOf, description: asOfDescription }),
      },
      resolve: rowListOf(table, field),
    }),
  );
}

const liveRows = {
  name: 'position',
  description: 'The rows are exactly those as of here.',
} as const;

const coveredRows = {
  name: 'coveredPosition',
  description: 'Everything committed up to here is in the answer.',
} as const;
