import type { ColumnDefinition, TableDefinition, TitleManifest } from '../model/types.ts';

/**
 * Why records written under one manifest would mean something else under another: a sentence each,
 * naming what was changed and, where there is one, the mend. Empty where they mean the same.
 */
export function incompatibilities(before: TitleManifest, after: TitleManifest): string[] {
  return before.tables.flatMap((table) => {
    const successor = after.tables.find((candidate) => candidate.name === table.name);
    if (!successor) return [`table ${table.name} is gone`];
    return tableProblems(table, successor);
  });
}

function tableProblems(before: TableDefinition, after: TableDefinition): string[] {
  const { name } = before;
  const problems: string[] = [];
  if (before.kind !== after.kind) {
    problems.push(`table ${name} changed its kind, from ${before.kind} to ${after.kind}`);
  }
  if (before.key.join() !== after.key.join()) {
    problems.push(
      `table ${name} changed its key, from ${listed(before.key)} to ${listed(after.key)}`,
    );
  }
  const order = orderProblems(
    before.columns.map((column) => column.name),
    after.columns.map((column) => column.name),
  );
  problems.push(
    ...order.gone.map((column) => `column ${name}.${column} is gone`),
    ...order.moved.map((column) => `column ${name}.${column} moved among the columns of its table`),
    ...order.inserted.map(
      ({ entry, ahead }) =>
        `new column ${name}.${entry} stands before ${ahead}, which was there before it: a new column comes last in its table`,
    ),
  );
  for (const column of after.columns) {
    const known = before.columns.find((candidate) => candidate.name === column.name);
    const place = `${name}.${column.name}`;
    if (known) problems.push(...columnProblems(place, known, column));
    else if (!column.optional) problems.push(`new column ${place} is not optional`);
  }
  return problems;
}

function columnProblems(
  place: string,
  before: ColumnDefinition,
  after: ColumnDefinition,
): string[] {
  if (before.kind !== after.kind || before.list !== after.list) {
    return [`column ${place} changed its type, from ${typeText(before)} to ${typeText(after)}`];
  }
  if (before.optional !== after.optional) {
    const change = before.optional ? 'is no longer optional' : 'became optional';
    return [`column ${place} ${change}`];
  }
  if (before.personal?.subject !== after.personal?.subject) {
    return [`column ${place} ${personalChange(before, after)}: rows that are there hold the other`];
  }
  const order = orderProblems(before.values, after.values);
  return [
    ...order.gone.map((value) => `column ${place} lost its value ${value}`),
    ...order.moved.map((value) => `value ${value} of column ${place} moved among its values`),
    ...order.inserted.map(
      ({ entry, ahead }) =>
        `new value ${entry} of column ${place} stands before ${ahead}, which was there before it: a new value comes last`,
    ),
  ];
}

function personalChange(before: ColumnDefinition, after: ColumnDefinition): string {
  if (!before.personal) return 'became personal, and so holds tokens instead of values';
  if (!after.personal) return 'is no longer personal, and so holds values instead of tokens';
  return 'changed whose its personal values are';
}

interface OrderProblems {
  readonly gone: readonly string[];
  /** The fewest whose moves explain the order that the others have. */
  readonly moved: readonly string[];
  /** New ones with an older one behind them. */
  readonly inserted: readonly { readonly entry: string; readonly ahead: string }[];
}

/** What of a list that may only grow at its end is not as it was. */
function orderProblems(before: readonly string[], after: readonly string[]): OrderProblems {
  const placeBefore = new Map(before.map((entry, i) => [entry, i]));
  const stayed = after.filter((entry) => placeBefore.has(entry));
  const inPlace = new Set(longestAscending(stayed, (entry) => placeBefore.get(entry) as number));
  return {
    gone: before.filter((entry) => !after.includes(entry)),
    moved: before.filter((entry) => after.includes(entry) && !inPlace.has(entry)),
    inserted: after.flatMap((entry, i) => {
      const ahead = after.slice(i + 1).find((later) => placeBefore.has(later));
      return placeBefore.has(entry) || ahead === undefined ? [] : [{ entry, ahead }];
    }),
  };
}

/** A longest part of the list, in its order, whose ranks ascend. */
function longestAscending(list: readonly string[], rankOf: (entry: string) => number): string[] {
  // The best part that ends with an entry goes on from the best that ends before it, below it.
  const lengths: number[] = [];
  const previous: number[] = [];
  let last = -1;
  list.forEach((entry, i) => {
    let best = -1;
    for (let j = 0; j < i; j++) {
      const isBelow = rankOf(list[j] as string) < rankOf(entry);
      if (isBelow && (best < 0 || (lengths[j] as number) > (lengths[best] as number))) best = j;
    }
    lengths.push(best < 0 ? 1 : (lengths[best] as number) + 1);
    previous.push(best);
    if (last < 0 || (lengths[i] as number) > (lengths[last] as number)) last = i;
  });
  const part: string[] = [];
  for (let i = last; i >= 0; i = previous[i] as number) part.unshift(list[i] as string);
  return part;
}

function typeText({ kind, list }: ColumnDefinition): string {
  return list ? `list of ${kind}` : kind;
}

function listed(names: readonly string[]): string {
  return `(${names.join(', ')})`;
}
