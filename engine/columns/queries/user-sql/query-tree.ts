import { refused } from './refusal.ts';
import { isAllowedFunction, isAllowedType, tableFunctions, takesType } from './vocabulary.ts';

export interface TreeScope {
  /** The database of what the user sees. */
  readonly database: string;
  /** Every table that the user may read, by the name it has there. */
  readonly tables: ReadonlySet<string>;
  /** The columns of those tables. */
  readonly columns: ReadonlySet<string>;
  /** Every other database of the server, in lower case. */
  readonly otherDatabases: ReadonlySet<string>;
  /** Whether it is less than the title: then no name of ClickHouse's own is one. */
  readonly isPart: boolean;
  /** Whether rows are filtered out of it: then nothing may tell where a block of rows ends. */
  readonly hidesRows: boolean;
}

/**
 * Checks the tree that ClickHouse makes of a query, as `EXPLAIN QUERY TREE run_passes = 0` prints
 * it: everything the query will do, lambdas, transformers, windows and unused parts of WITH
 * included, with nothing resolved and nothing run yet. Each line must be of a known kind, and each
 * function, table function and table one that a user may use; else the query is refused.
 *
 * A text inside the tree can add lines at most. It cannot take one away, so it can make this refuse
 * too much, never too little.
 *
 * Returns names that ClickHouse may take for functions: `arrayMap(file, paths)` calls `file` where
 * there is no column of that name. None of them may be a function's.
 */
export function checkQueryTree(lines: readonly string[], scope: TreeScope): readonly string[] {
  const nodes = lines.filter((line) => line.trim() !== '').map(readNode);
  const root = nodes[0];
  if (root?.depth !== 0 || !/^(?:QUERY|UNION) /.test(root.text)) throw notUnderstood('');
  const names = namesIn(nodes);
  /** The lines that the one at hand stands under. */
  const path: Node[] = [];
  for (const node of nodes) {
    while ((path.at(-1)?.depth ?? -1) >= node.depth) path.pop();
    checkNode(node, path, scope, names);
    const parent = path.at(-1);
    if (parent) parent.children.push(node);
    path.push(node);
  }
  for (const node of nodes) checkCall(node, scope, names);
  return nodes.flatMap(namesGivenToLambdas);
}

/** A function that takes a lambda takes the name of a function as well. */
function namesGivenToLambdas(node: Node): string[] {
  const called = functionLine.exec(node.text)?.[1];
  if (called === undefined || !/^(?:array|map)/i.test(called)) return [];
  const list = node.children.find(({ text }) => text === 'ARGUMENTS')?.children[0];
  return (list?.children ?? []).flatMap(({ text }) => {
    const name = identifierLine.exec(text)?.[1];
    return name === undefined || name.includes('.') || isAllowedFunction(name) ? [] : [name];
  });
}

interface Node {
  readonly depth: number;
  readonly text: string;
  readonly children: Node[];
}

function readNode(line: string): Node {
  const text = line.trimStart();
  return { depth: line.length - text.length, text: text.trimEnd(), children: [] };
}

/** What the query itself names. */
interface Names {
  readonly withs: ReadonlySet<string>;
  readonly aliases: ReadonlySet<string>;
}

function namesIn(nodes: readonly Node[]): Names {
  const withs = new Set<string>();
  const aliases = new Set<string>();
  for (const { text } of nodes) {
    const name = /, cte_name: ([^,]+)(?:,|$)/.exec(text)?.[1];
    if (name !== undefined) withs.add(name);
    const known = /^[A-Z_ ]+id: \d+, alias: ([^,]+),/.exec(text)?.[1];
    if (known !== undefined) aliases.add(known);
    // Sources and a lambda's parameters go by their own names too.
    const own = identifierLine.exec(text)?.[1] ?? tableFunctionLine.exec(text)?.[1];
    if (own !== undefined && !own.includes('.')) aliases.add(own);
  }
  return { withs, aliases };
}

const id = 'id: \\d+';
const alias = '(?:, alias: .+?)?';

/** Lines that say nothing that must be checked, or head what does. */
const plainLines: readonly RegExp[] = [
  new RegExp(
    `^QUERY ${id}${alias}(?:, is_(?:subquery|cte|distinct|limit_with_ties|group_by_with_totals|order_by_all|group_by_all|recursive_with): 1|, group_by_type: \\w+|, cte_name: [^,]+)*$`,
  ),
  new RegExp(
    `^UNION ${id}${alias}(?:, is_(?:subquery|cte|recursive_cte): 1|, cte_name: [^,]+|, union_mode: \\w+)*$`,
  ),
  new RegExp(`^LIST ${id}, nodes: \\d+$`),
  // With line separators in the value, which only a text can hold.
  new RegExp(`^CONSTANT ${id}${alias}, constant_value: .*, constant_value_type: .+$`, 's'),
  new RegExp(`^LAMBDA ${id}${alias}$`),
  new RegExp(
    `^SORT ${id}, sort_direction: \\w+(?:, nulls_sort_direction: \\w+)?(?:, with_fill: [01])$`,
  ),
  new RegExp(
    `^WINDOW ${id}${alias}(?:, parent_window_name: .+?)?, frame_type: \\w+, frame_begin_type: [\\w ]+, frame_end_type: [\\w ]+$`,
  ),
  new RegExp(`^INTERPOLATE ${id}$`),
  new RegExp(`^ARRAY_JOIN ${id}, is_left: [01]$`),
  new RegExp(`^JOIN ${id}(?:, locality: \\w+)?, strictness: \\w+, kind: \\w+$`),
  new RegExp(`^CROSS JOIN ${id}$`),
  new RegExp(`^APPLY COLUMN TRANSFORMER ${id}, apply_transformer_type: (?:FUNCTION|LAMBDA)$`),
  new RegExp(
    `^EXCEPT COLUMN TRANSFORMER ${id}, except_transformer_type: (?:COLUMN_LIST|REGEXP), .*$`,
  ),
  new RegExp(`^REPLACE COLUMN TRANSFORMER ${id}(?:, is_strict: [01])?$`),
  /^REPLACEMENTS \d+$/,
  /^REPLACEMENT NAME .+ EXPRESSION$/,
  /^EXPRESSION(?: .*)?$/,
  /^(?:WITH|PROJECTION|JOIN TREE|PREWHERE|WHERE|GROUP BY|HAVING|QUALIFY|WINDOW|ORDER BY|INTERPOLATE|LIMIT BY LIMIT|LIMIT BY OFFSET|LIMIT BY|LIMIT|OFFSET|QUERIES|PARAMETERS|ARGUMENTS|PARTITION BY|FRAME BEGIN OFFSET|FRAME END OFFSET|FILL FROM|FILL TO|FILL STEP|FILL STALENESS|INTERPOLATE_EXPRESSION|TABLE EXPRESSION|LEFT TABLE EXPRESSION|RIGHT TABLE EXPRESSION|JOIN EXPRESSION|JOIN EXPRESSIONS)$/,
];

const functionLine = new RegExp(
  `^FUNCTION ${id}${alias}, function_name: (\\w+), function_type: (?:ordinary|aggregate|window)(?:, nulls_action : \\w+)?$`,
);
const tableFunctionLine = new RegExp(
  `^TABLE_FUNCTION ${id}${alias}, table_function_name: (\\w+)(?:, final: [01])?$`,
);
const identifierLine = new RegExp(
  `^IDENTIFIER ${id}${alias}, identifier: ([^,:]+?)(?:, final: [01])?(?:, sample_size: [\\d /]+)?(?:, sample_offset: [\\d /]+)?$`,
);
const matcherLine = new RegExp(
  `^MATCHER ${id}, matcher_type: (?:ASTERISK|COLUMNS_LIST|COLUMNS_REGEXP)(?:, qualified_identifier: ([^,:]+))?(?:, columns_pattern: .*|, column_identifiers: [^:]*)?$`,
);

function checkNode({ text }: Node, path: readonly Node[], scope: TreeScope, names: Names): void {
  const called = functionLine.exec(text)?.[1];
  if (called !== undefined) {
    if (!isAllowedFunction(called)) throw refused(`the function ${called} cannot be used`);
    if (scope.hidesRows && ofBlocks.has(called.toLowerCase())) {
      throw refused(
        `the function ${called} cannot be used by a role with rules for rows: it tells how rows lie in blocks, among rows that the role does not see`,
      );
    }
    return;
  }
  const source = tableFunctionLine.exec(text)?.[1];
  if (source !== undefined) {
    if (!tableFunctions.has(source.toLowerCase())) {
      throw refused(`the table function ${source} cannot be used`);
    }
    return;
  }
  const name = identifierLine.exec(text)?.[1];
  if (name !== undefined) {
    const isSource = /^(?:JOIN TREE|(?:LEFT |RIGHT )?TABLE EXPRESSION)$/.test(
      path.at(-1)?.text ?? '',
    );
    // ClickHouse itself puts `system.one` where a SELECT has no FROM: one row, one zero.
    if (isSource && name !== 'system.one') requireTable(name, scope, names);
    else if (!isSource) requireOwn(name, scope, names);
    return;
  }
  const matched = matcherLine.exec(text);
  if (matched) {
    if (matched[1] !== undefined) requireOwn(matched[1], scope, names);
    return;
  }
  if (!plainLines.some((pattern) => pattern.test(text))) throw notUnderstood(text);
}

/** What lies in the arguments of a call and is more than a value there: tables and types. */
function checkCall(node: Node, scope: TreeScope, names: Names): void {
  const called = functionLine.exec(node.text)?.[1]?.toLowerCase();
  const name = called ?? tableFunctionLine.exec(node.text)?.[1]?.toLowerCase();
  if (name === undefined) return;
  const list = node.children.find(({ text }) => text === 'ARGUMENTS')?.children[0];
  const last = list?.children.at(-1);
  if (inFunctions.has(name) && last) {
    // Behind IN a name may be a table.
    const table = identifierLine.exec(last.text)?.[1];
    if (table?.includes('.')) requireTable(table, scope, names);
    else if (table?.startsWith('_')) requireTable(table, scope, names);
  }
  if (takesType.has(name) && (list?.children.length ?? 0) >= 2 && last) {
    const type = /, constant_value: '(.*)', constant_value_type: String$/.exec(last.text)?.[1];
    if (name.startsWith('json') && type === undefined) {
      throw refused('the type for JSONExtract must be written out as a text');
    }
    requireType(type);
  }
  if (name === 'values' && called === undefined) {
    const first = /, constant_value: '(.*)', constant_value_type: String$/.exec(
      list?.children[0]?.text ?? '',
    )?.[1];
    if (first !== undefined && / /.test(first)) requireType(first);
  }
}

const inFunctions: ReadonlySet<string> = new Set(
  [
    'in',
    'notIn',
    'globalIn',
    'globalNotIn',
    'nullIn',
    'notNullIn',
    'globalNullIn',
    'globalNotNullIn',
  ].map((name) => name.toLowerCase()),
);

/** Columns that ClickHouse adds to tables: where a row comes from. */
const ofStorage = /^_(?:table|database|part|partition|sample|shard|block|row|path|file|size|time)/;

/** Functions whose result depends on how rows lie in blocks. */
const ofBlocks: ReadonlySet<string> = new Set(
  [
    'rowNumberInBlock',
    'runningDifference',
    'runningDifferenceStartingWithFirstValue',
    'neighbor',
    'nowInBlock',
  ].map((name) => name.toLowerCase()),
);

function requireType(type: string | undefined): void {
  // The tree writes a text's quotes and backslashes as escapes.
  const text = type?.replace(/\\(.)/g, '$1');
  if (text === undefined || !isAllowedType(text)) {
    throw refused(`the type ${text ?? 'that is computed'} cannot be used`);
  }
}

function requireTable(name: string, scope: TreeScope, names: Names): void {
  if (names.withs.has(name)) return;
  const own = `${scope.database}.`;
  const table = name.startsWith(own) ? name.slice(own.length) : name;
  if (!scope.tables.has(table)) {
    throw refused(`there is no "${name}" to read from; name the title's own tables`);
  }
}

/**
 * What stands before the dots of a name that is no source's: a source, a column or an alias of this
 * query, never another database, since an alias of such a name could be read as a table elsewhere.
 */
function requireOwn(name: string, scope: TreeScope, names: Names): void {
  const last = name.slice(name.lastIndexOf('.') + 1);
  if (scope.isPart && ofStorage.test(last) && !scope.columns.has(last)) {
    throw refused(`there is no column "${last}"`);
  }
  const dot = name.indexOf('.');
  if (dot < 0) return;
  const first = name.slice(0, dot);
  const isKnown =
    first === scope.database ||
    scope.tables.has(first) ||
    scope.columns.has(first) ||
    names.withs.has(first) ||
    names.aliases.has(first);
  if (!isKnown || scope.otherDatabases.has(first.toLowerCase())) {
    throw refused(`there is no "${first}" to read from; name the title's own tables`);
  }
}

function notUnderstood(text: string) {
  const what = /^[A-Z_ ]+/.exec(text)?.[0].trim().slice(0, 40);
  return refused(what ? `${what} cannot be used` : 'this form cannot be used');
}
