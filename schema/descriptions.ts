import { kindOf } from '../engine/model/kinds.ts';
import { systemColumns } from '../engine/model/system-columns.ts';
import type {
  ColumnDefinition,
  TableDefinition,
  ViewAggregate,
  ViewColumnDefinition,
  ViewDefinition,
} from '../engine/model/types.ts';

/** What the schema says of a table, in its row type. */
export function tableDescription(table: TableDefinition): string {
  return described(table, tableFacts(table));
}

/** The author's words first, then what the manifest itself says. */
function described({ description }: { readonly description?: string }, facts: string): string {
  return description === undefined ? facts : `${description}\n\n${facts}`;
}

function tableFacts(table: TableDefinition): string {
  switch (table.kind) {
    case 'action':
      return `A row of \`${table.name}\`, the action table: one a player command, accepted or rejected, in order of session, tick and place in the tick.`;
    case 'event':
      return `A row of \`${table.name}\`, an event table: appended by accepted effects, never changed.`;
    case 'state': {
      const scope = table.key.includes('sessionId')
        ? 'Live rows of a session'
        : 'Live rows of the whole title, which ticks of every session may touch';
      const indexes = table.indexes.map(
        (index) => `\`${index.name}\` (${index.columns.join(', ')})`,
      );
      const indexed = indexes.length === 0 ? '' : ` Indexes: ${indexes.join(', ')}.`;
      return `A row of the state table \`${table.name}\`. ${scope}, by (${table.key.join(', ')}), versioned.${indexed}`;
    }
  }
}

export function viewDescription(view: ViewDefinition): string {
  return described(view, viewFacts(view));
}

/** What the schema says of the field that reads a view. */
export function viewRowsDescription(view: ViewDefinition): string {
  return described(
    view,
    `The rows of the view \`${view.name}\` as of the last tick. ${viewFacts(view)}`,
  );
}

function viewFacts(view: ViewDefinition): string {
  if (view.kind === 'top') {
    const partition =
      view.partitionBy.length === 0 ? '' : ` of each ${view.partitionBy.join(', ')}`;
    return `The first ${view.limit} rows${partition} of the view \`${view.from}\` by \`${view.orderBy}\`, largest first. Kept up to date with every tick.`;
  }
  const window = view.tickWindow === null ? '' : `, in windows of ${view.tickWindow} ticks`;
  return `\`${view.from}\` grouped by ${view.groupBy.join(', ') || 'nothing'}${window}. Kept up to date with every tick.`;
}

export function columnDescription(table: TableDefinition, column: ColumnDefinition): string {
  const isSystem = systemColumns(table).some((system) => system.name === column.name);
  const system = isSystem ? systemColumnDescriptions[column.name] : undefined;
  if (system) return system;
  return described(column, columnFacts(table, column));
}

function columnFacts(table: TableDefinition, column: ColumnDefinition): string {
  const inKey = table.key.includes(column.name);
  if (inKey && column.name === 'sessionId') return 'The session the row lives in; part of the key.';
  return [
    `${column.list ? 'A list, each ' : ''}${kindOf(column).description}`,
    inKey ? 'part of the key' : '',
    column.optional ? 'may be null' : '',
  ]
    .filter((part) => part !== '')
    .join('; ')
    .replace(/^./, (first) => first.toUpperCase())
    .concat('.');
}

export function windowDescription(ticks: number): string {
  return `The first tick of the window of ${ticks} ticks.`;
}

export function aggregateDescription({ aggregate, ...column }: ViewColumnDefinition): string {
  return described(column, aggregateFacts(aggregate));
}

function aggregateFacts(aggregate: ViewAggregate): string {
  const where =
    aggregate.where === undefined ? '' : `, of rows where ${JSON.stringify(aggregate.where)}`;
  switch (aggregate.op) {
    case 'count':
      return `Number of rows${where}.`;
    case 'countDistinct':
      return `Number of different values of \`${aggregate.column}\`${where}.`;
    case 'sumLength':
      return `Sum of the lengths of \`${aggregate.column}\`${where}.`;
    case 'sum':
    case 'min':
    case 'max': {
      const word = { sum: 'Sum', min: 'Least', max: 'Greatest' }[aggregate.op];
      return `${word} of \`${aggregate.column}\`${where}.`;
    }
  }
}

const systemColumnDescriptions: Readonly<Record<string, string>> = {
  sessionId: 'The session (match) the row belongs to.',
  tick: 'The tick that wrote the row.',
  seq: 'Order within the tick, from 0.',
  position: 'The place in the log that wrote the row.',
  committedAt: 'When that tick was committed, by the clock of the server.',
  actionId: 'The id its client gave the action.',
  accepted: 'Whether all effects of the action held; a rejected action changed nothing.',
  conflict: 'Why the action was rejected; null when it was accepted.',
  version: '1 when the row was created, one more with every change. Compare-and-set names it.',
};
