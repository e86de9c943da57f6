import type { Frame } from '../engine/index.ts';
import type { TableDefinition, ViewDefinition } from '../engine/model/types.ts';
import { position } from '../resolvers/position.ts';
import {
  frameItself,
  rowChanges,
  type ViewRows,
  viewChanges,
  viewRowList,
  viewRows,
} from '../resolvers/views.ts';
import { viewDescription, viewRowsDescription } from './descriptions.ts';
import { typeNameOf } from './names.ts';
import { viewRelation } from './relation.ts';
import { addRowType, addWhereType, type FilterType, type RowType } from './row-types.ts';
import type { SchemaScope } from './scope.ts';
import type { SharedTypes } from './shared-types.ts';
import type { TableTypes } from './table-types.ts';

/** `matchPulse(where)` and `matchPulseChanges(…)`. */
export function addViewFields(scope: SchemaScope, shared: SharedTypes, view: ViewDefinition): void {
  const relation = viewRelation(scope.catalog, view);
  const row = addRowType(scope, relation.typeName, relation.columns, viewDescription(view));
  const where = addWhereType(scope, relation);
  const rows = addViewRowsType(scope, view, row);
  scope.builder.queryField(view.name, (t) =>
    t.field({
      type: rows,
      description: viewRowsDescription(view),
      args: { where: t.arg({ type: where, description: 'Which rows; all where it is left out.' }) },
      resolve: viewRows(view),
    }),
  );
  const removed = addRowType(
    scope,
    `${relation.typeName}Key`,
    relation.key,
    `Names a row of the view \`${view.name}\`.`,
  );
  addChangesField(scope, shared, {
    source: view,
    row,
    where,
    removed,
    subscribe: viewChanges(view),
    what: `the view \`${view.name}\``,
  });
}

/** `unitStateChanges(…)`: the live rows of a state table. */
export function addRowChangesField(
  scope: SchemaScope,
  shared: SharedTypes,
  { table, relation, row, where }: TableTypes,
): void {
  const removed = addRowType(
    scope,
    `${relation.typeName}RowKey`,
    relation.key,
    `Names a row of \`${table.name}\`.`,
  );
  addChangesField(scope, shared, {
    source: table,
    row,
    where,
    removed,
    subscribe: rowChanges(table),
    what: `the rows of \`${table.name}\` that this role may see`,
  });
}

interface ChangesParts {
  readonly source: ViewDefinition | TableDefinition;
  readonly row: RowType;
  readonly where: FilterType;
  readonly removed: RowType;
  readonly subscribe: ReturnType<typeof viewChanges>;
  readonly what: string;
}

function addChangesField(scope: SchemaScope, shared: SharedTypes, parts: ChangesParts): void {
  const frame = addFrameType(scope, shared, parts);
  scope.builder.subscriptionField(`${parts.source.name}Changes`, (t) =>
    t.field({
      type: frame,
      description: `Follows ${parts.what}: first a snapshot, or with a \`cursor\` what was missed since, then at most one frame a tick. Folding the frames by key gives the rows as of the last frame's position, without gaps.`,
      args: {
        where: t.arg({ type: parts.where, description: 'Which rows; all where it is left out.' }),
        cursor: t.arg.string({
          description:
            'Of the last frame received: go on from there. Where it is too old, a `RESET` comes first.',
        }),
        maxRate: t.arg.float({
          description: 'Frames a second at most; ticks in between are merged by key.',
        }),
        onLag: t.arg({
          type: shared.lagPolicy,
          defaultValue: 'COALESCE',
          description: 'What happens when you read slower than changes come.',
        }),
      },
      subscribe: parts.subscribe,
      resolve: frameItself,
    }),
  );
}

function addFrameType(
  { builder }: SchemaScope,
  shared: SharedTypes,
  { source, row, removed, what }: ChangesParts,
) {
  return builder.objectRef<Frame>(`${typeNameOf(source.name)}Frame`).implement({
    description: `One message about ${what}.`,
    fields: (t) => ({
      kind: t.expose('kind', { type: shared.frameKind, description: 'How to take this frame.' }),
      cursor: t.exposeString('cursor', { description: 'Where to resume after this frame.' }),
      position: t.field({
        type: 'Position',
        description: 'With this frame, the rows are exactly those as of here.',
        resolve: position,
      }),
      tick: t.exposeInt('tick', {
        nullable: true,
        description: 'The tick behind the newest change, where all are of one session.',
      }),
      rows: t.expose('rows', {
        type: [row],
        description: 'Rows as they are now; they replace those of the same key.',
      }),
      removed: t.expose('removed', {
        type: [removed],
        description: 'Keys of rows that are gone, or match `where` no longer.',
      }),
    }),
  });
}

function addViewRowsType({ builder }: SchemaScope, view: ViewDefinition, row: RowType) {
  return builder.objectRef<ViewRows>(`${typeNameOf(view.name)}Rows`).implement({
    description: `Rows of the view \`${view.name}\`, all of one moment.`,
    fields: (t) => ({
      position: t.field({
        type: 'Position',
        description: 'The rows are exactly those as of here.',
        resolve: position,
      }),
      nodes: t.field({
        type: [row],
        description:
          'The rows, in order of key, by the name that lists and groups have for theirs.',
        resolve: viewRowList,
      }),
      rows: t.field({
        type: [row],
        description: 'The rows, in order of key.',
        resolve: viewRowList,
      }),
    }),
  });
}
