import { EngineError } from '../../model/errors.ts';

export interface UserSqlScope {
  /** The one database a query may name. */
  readonly database: string;
  /** Every database of the server. */
  readonly databases: readonly string[];
  /** Every table function of the server, by lower-case name. */
  readonly tableFunctions: ReadonlySet<string>;
}

/**
 * Refuses what a user's SQL must not do, by the syntax tree that ClickHouse itself makes of it:
 * anything but one SELECT, settings, other databases, table functions that reach outside, and
 * functions that read files or tell about the server. (Read-only mode alone lets `file('/path')`
 * and INTO OUTFILE through.)
 *
 * `tree` are the lines of `EXPLAIN AST`. Text inside literals and aliases is escaped or adds lines;
 * it can make this refuse too much, never too little.
 */
export function checkUserSql(tree: readonly string[], scope: UserSqlScope): void {
  if (tree[0]?.trim() !== 'SelectWithUnionQuery (children 1)') {
    throw refusal('only one SELECT is possible, without FORMAT and INTO OUTFILE');
  }
  const others = new Set(scope.databases.map((name) => name.toLowerCase()));
  for (const fixed of ['system', 'information_schema']) others.add(fixed);
  others.delete(scope.database);
  for (const line of tree) {
    const node = /^\s*(\S+)(?: (.*))?$/.exec(line);
    const [, kind, rest = ''] = node ?? [];
    const name = rest.replace(/ \((?:alias|children) [\s\S]*$/, '');
    if (kind === 'Set') throw refusal('SETTINGS cannot be given');
    if (kind === 'Function') checkFunction(name, scope);
    if (kind === 'TableIdentifier' || kind === 'Identifier') checkName(name, kind, scope, others);
  }
}

function checkFunction(name: string, scope: UserSqlScope): void {
  const lower = name.toLowerCase();
  const reachesOut = scope.tableFunctions.has(lower) && !harmlessTableFunctions.has(lower);
  if (reachesOut || revealing.test(lower)) throw refusal(`the function ${name} cannot be used`);
}

/** Table functions that make rows out of their arguments alone. */
const harmlessTableFunctions = new Set([
  'numbers',
  'numbers_mt',
  'zeros',
  'zeros_mt',
  'primes',
  'values',
  'sqlstandardvalues',
  'format',
  'null',
  'generateseries',
  'generate_series',
]);

/** Functions that read files, other tables or the network, or tell about the server and its users. */
const revealing =
  /^(?:file|dict.*|joinget.*|hascolumnintable|get(?:setting|serversetting|mergetreesetting|macro|client|serverport|oskernel|maxtable).*|hostname|fqdn|displayname|server.*|tcpport|uptime|buildid|sleep.*|user|current(?:user|roles|profiles|queryid|database|schemas).*|current_(?:user|roles|database|schemas|query_id).*|authenticateduser|authenticated_user|enabledroles|enabled_roles|defaultroles|default_roles|enabledprofiles|defaultprofiles|show.*|ai[a-z]*|ai_.*|llm.*|catboost.*|evalml.*|filesystem.*|addressto.*|demangle|zookeeper.*|queryid|query_id|initialquery.*|connectionid|connection_id|transaction.*|reload.*|eval.*|executable.*|getenv.*|environment.*|trap|crash.*|finalizeaggregationstate.*)$/;

function checkName(
  name: string,
  kind: 'TableIdentifier' | 'Identifier',
  scope: UserSqlScope,
  others: ReadonlySet<string>,
): void {
  const dot = name.indexOf('.');
  // `system.one` is what ClickHouse itself puts where a SELECT has no FROM.
  if (dot < 0 || (kind === 'TableIdentifier' && name === 'system.one')) return;
  const first = name.slice(0, dot);
  const foreign =
    kind === 'TableIdentifier' ? first !== scope.database : others.has(first.toLowerCase());
  if (foreign) throw refusal(`there is no "${first}" to read from; name the title's own tables`);
}

function refusal(what: string): EngineError {
  return new EngineError('BAD_USER_INPUT', `SQL: ${what}`);
}
