import { systemColumns } from '../model/system-columns.ts';
import type { TableDefinition, TableKind } from '../model/types.ts';

/**
 * Names in a manifest become GraphQL names, properties of objects, SQL identifiers and Arrow
 * fields, so they are held to what all of these take: `[a-z][A-Za-z0-9]*`.
 */
export function nameProblem(name: string): string | null {
  if (name.length > nameLengthMax) return `a name has ${nameLengthMax} characters at most`;
  if (/^[a-z][A-Za-z0-9]*$/.test(name)) return null;
  const mend = camelCase(name);
  const rule = 'a name begins with a small letter and goes on with letters and digits';
  return mend === '' ? rule : `${rule}; did you mean "${mend}"?`;
}

const nameLengthMax = 64;

function camelCase(name: string): string {
  const words = name.split(/[^A-Za-z0-9]+/).filter((word) => word !== '');
  const joined = words
    .map(
      (word, i) =>
        (i === 0 ? word.charAt(0).toLowerCase() : word.charAt(0).toUpperCase()) + word.slice(1),
    )
    .join('')
    .slice(0, nameLengthMax);
  return /^[a-z]/.test(joined) ? joined : '';
}

/** Why a table's column may not have this name although it is well formed, or null. */
export function columnNameProblem(name: string, kind: TableKind): string | null {
  const ofKind = systemColumns({ kind } as TableDefinition).map((column) => column.name);
  const system = [...ofKind, ...commonSystemNames].find(
    (other) => other.toLowerCase() === name.toLowerCase(),
  );
  if (system === name) return `"${name}" is a system column; choose another name`;
  if (system !== undefined) {
    return `"${name}" and the system column "${system}" differ by capital letters alone; choose another name`;
  }
  if (numberWords.has(name.toLowerCase())) {
    return `"${name}" is a number in SQL, where ClickHouse keeps no quotes around it; choose another name`;
  }
  return viewColumnNameProblem(name) ?? usedBeside(name, kind);
}

/** ClickHouse prints these names without quotes when it keeps a view or a key, and reads them as numbers. */
const numberWords: ReadonlySet<string> = new Set(['inf', 'infinity', 'nan']);

/**
 * Why a view's column may not have this name although it is well formed, or null. Rows of a view
 * have no system columns, so none is in the way.
 */
export function viewColumnNameProblem(name: string): string | null {
  if (connectives.has(name)) return `"${name}" joins conditions in "where"; choose another name`;
  if (literals.has(name)) {
    return `"${name}" is a value in GraphQL, so no enum of columns can list it; choose another name`;
  }
  if (name in Object.prototype) {
    return `"${name}" is a property of every JavaScript object; choose another name`;
  }
  return null;
}

/** Names taken in every table, whether its kind has them or not: one word has one meaning in a title. */
const commonSystemNames = ['sessionId', 'tick', 'seq', 'position', 'committedAt'];
const connectives = new Set(['and', 'or', 'not']);
/** Groups and orders name columns by values of an enum, which GraphQL does not let be called so. */
const literals: ReadonlySet<string> = new Set(['true', 'false', 'null']);

function usedBeside(name: string, kind: TableKind): string | null {
  const use = columnNamesInUse[name];
  return use?.kinds.includes(kind) ? `"${name}" is taken by ${use.by}; choose another name` : null;
}

/** Words that stand beside columns in inputs and answers. */
const columnNamesInUse: {
  readonly [name: string]:
    | { readonly kinds: readonly TableKind[]; readonly by: string }
    | undefined;
} = {
  effects: { kinds: ['action'], by: 'the effects of an action' },
  action: { kinds: ['event', 'state'], by: 'the commit endpoint, for the action of an effect' },
  expectedVersion: { kinds: ['state'], by: 'compare-and-set' },
  count: { kinds: ['action', 'event', 'state'], by: 'the count of a group' },
  tickBucket: { kinds: ['action', 'event', 'state'], by: 'groups by buckets of ticks' },
  tickWindow: { kinds: ['action', 'event'], by: 'views by windows of ticks' },
};

/** Why an enum may not have this value, or null. */
export function enumValueProblem(value: string): string | null {
  if (value.length > enumValueLengthMax) {
    return `a value has ${enumValueLengthMax} characters at most`;
  }
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(value) || value.startsWith('__')) {
    return 'a value is made of letters, digits and "_", does not begin with a digit or "__"';
  }
  if (literals.has(value)) {
    return 'true, false and null are no values of an enum in GraphQL';
  }
  return null;
}

const enumValueLengthMax = 128;

/** First parts of paths that are the server's own: a title of such a name could not be reached. */
const reservedTitles = ['graphql', 'metrics', 'healthz', 'readyz', 'console', 'sandbox'];

export function titleProblem(title: string): string | null {
  if (!/^[a-z][a-z0-9-]{0,62}$/.test(title)) {
    return 'a title begins with a small letter and goes on with small letters, digits and dashes, 63 at most';
  }
  return reservedTitles.includes(title)
    ? `"${title}" is a path of the server itself; choose another title`
    : null;
}

export function roleNameProblem(name: string): string | null {
  return /^[a-z][a-z0-9-]{0,62}$/.test(name)
    ? null
    : 'a role begins with a small letter and goes on with small letters, digits and dashes, 63 at most';
}
