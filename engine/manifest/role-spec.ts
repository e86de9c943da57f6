import type {
  Capability,
  ColumnMaskKind,
  QueryClass,
  RoleDefinition,
  RoleLimits,
  RowRule,
  TableGrant,
} from '../model/types.ts';
import { describedAs } from './described-as.ts';
import { plainJson } from './plain-json.ts';
import type { AllColumnSpecs, TableSpecs } from './table-spec.ts';

/**
 * What a role may do with a table.
 *
 * - `read`: rows by key, lists, and subscriptions to rows.
 * - `aggregate`: groups.
 * - `append`: actions, rows of event tables, inserts into state tables; none that is there changes.
 * - `write`: all effects in ticks, and compare-and-set.
 */
export type TableAccess = 'read' | 'aggregate' | 'append' | 'write';

/**
 * A condition in the language of `where`, in which `{ claim: 'squads' }` stands for a claim of the
 * token; one that is a list stands for any of its values:
 * `{ or: [{ ownerId: { eq: { claim: 'player_id' } } }, { squad: { in: { claim: 'squads' } } }] }`.
 */
type RowCondition<Column extends string> = {
  readonly [Name in Column]?: Readonly<Record<string, unknown>> | undefined;
} & {
  readonly and?: readonly RowCondition<Column>[] | undefined;
  readonly or?: readonly RowCondition<Column>[] | undefined;
  readonly not?: RowCondition<Column> | undefined;
};

/** What a role may do; what is not named it may not. */
export interface RoleSpec<Tables extends TableSpecs, View extends string> {
  /** Who has this role, and what for; it stands in `manifest.json`. It can be changed at any time. */
  readonly description?: string | undefined;
  /**
   * What its requests compete as: `GAMEPLAY` (ticks, before everything else), `OPERATOR` (dashboards)
   * or `ARCHIVAL` (analytics). Each has bounds of its own on time, memory and rows read.
   */
  readonly class: QueryClass;
  /**
   * What it may do with the title as a whole: `session` (open and close sessions), `commit` (ticks),
   * `sql`, `export`, `explain`, `kill`, `audit`, `manifest`, `roles`, `backup`.
   */
  readonly capabilities?: readonly Capability[] | undefined;
  /** Tables by name: a list of `read`, `aggregate`, `append`, `write`; or that list with the rows and columns it holds for. */
  readonly tables?:
    | {
        readonly [Name in keyof Tables]?: TableGrantSpec<
          keyof AllColumnSpecs<Tables[Name]> & string
        >;
      }
    | undefined;
  /** The views it may read and subscribe to. */
  readonly views?: readonly View[] | undefined;
  /**
   * Whether the audit log records what it reads, too: rows, lists, groups, views, and subscriptions as
   * they begin and end. False where it is left out. What it does, orders and is refused is recorded in
   * any case.
   */
  readonly auditReads?: boolean | undefined;
  /**
   * How much its clients may ask for: `{ requestsPerSecond: 20, subscriptions: 20 }`; `{}` for as much
   * as they like. Left out, roles of class `GAMEPLAY` that may not commit (players) have strict bounds,
   * and others none.
   */
  readonly limits?: ClientLimitsSpec | undefined;
}

/** What each client (the subject of a token) may ask for. What is left out has no bound. */
interface LimitsSpec {
  /** Requests, and operations of a WebSocket; ticks among them. Past it: `RATE_LIMITED`. */
  readonly requestsPerSecond?: number | undefined;
  /** With `requestsPerSecond`: how many requests beyond it may come in ten seconds, as when a page loads. */
  readonly burst?: number | undefined;
  /**
   * Bytes of requests and their answers; frames of subscriptions do not count, nor do exports. Counted
   * when they have come: what is too much is a debt, and the next request is `RATE_LIMITED` until it is paid.
   */
  readonly bytesPerSecond?: number | undefined;
  /** Ticks and direct writes. Past it: `RATE_LIMITED`. */
  readonly ticksPerSecond?: number | undefined;
  /** Rows that queries read, as `extensions.tickloom.rowsRead` tells; counted as bytes are. */
  readonly rowsReadPerMinute?: number | undefined;
  /** Subscriptions at the same time. Past it: `QUOTA_EXCEEDED`. */
  readonly subscriptions?: number | undefined;
  /** Exports ordered. Past it: `RATE_LIMITED`. */
  readonly exportsPerHour?: number | undefined;
}

interface ClientLimitsSpec extends LimitsSpec {
  /** Exports whose links have not expired. Past it: `QUOTA_EXCEEDED`. */
  readonly exportsKept?: number | undefined;
  /** Bounds for all clients of the role together: any of these but `exportsKept`. */
  readonly together?: LimitsSpec | undefined;
}

/** Rights on one table: `['read', 'write']`, or rights to some of its rows and columns. */
type TableGrantSpec<Column extends string> = readonly TableAccess[] | BoundedAccess<Column>;

/** Rights on part of a table: `{ access: ['read'], onlyWhere: { column: 'ownerId', claim: 'player_id' }, hide: ['payload'] }`. */
interface BoundedAccess<Column extends string> {
  /** `read`, `aggregate`, `append`, `write`. A grant with `onlyWhere` may neither append nor write. */
  readonly access: readonly TableAccess[];
  /**
   * Only rows whose column equals the token's claim, or that meet a condition in which values are
   * claims: `{ squad: { in: { claim: 'squads' } } }`. Where the token lacks one of them, no row is seen.
   */
  readonly onlyWhere?:
    | {
        /** A column of the table, scalar. */
        readonly column: Column;
        /** A claim of the token, such as `player_id`. */
        readonly claim: string;
      }
    | RowCondition<Column>
    | undefined;
  /**
   * Columns that are not there for the role: it can neither read them nor ask anything of them. Columns
   * of the key cannot be hidden.
   */
  readonly hide?: readonly Column[] | undefined;
  /**
   * Columns of which the role sees something else: `'null'`, for optional columns; or `'hash'`, for
   * texts: a pseudonym, the same for equal values within a title. Nothing can be asked of them, but by
   * SQL, which sees what the role does.
   */
  readonly mask?: { readonly [Name in Column]?: ColumnMaskKind } | undefined;
  /** With `write`: the only columns that it may write, so that it can neither make nor delete rows. */
  readonly writeOnly?: readonly Column[] | undefined;
}

/** The rights of one list on each of several tables: `tables: onTables(['actionLog', 'matchMetrics'], ['aggregate'])`. */
export function onTables<const Name extends string>(
  names: readonly Name[],
  access: readonly TableAccess[],
): { readonly [Table in Name]: readonly TableAccess[] } {
  return Object.fromEntries(names.map((name) => [name, access])) as {
    readonly [Table in Name]: readonly TableAccess[];
  };
}

export function roleDefinition(name: string, role: RoleSpec<TableSpecs, string>): RoleDefinition {
  const tables = Object.entries(role.tables ?? {}).flatMap(([table, grant]): TableGrant[] => {
    if (grant === undefined) return [];
    const access = 'access' in grant ? grant.access : grant;
    return [
      {
        table,
        read: access.includes('read'),
        aggregate: access.includes('aggregate'),
        write: access.includes('write'),
        ...(access.includes('append') ? { append: true as const } : {}),
        ...('access' in grant ? boundsOf(grant) : { rowFilter: null }),
      },
    ];
  });
  return {
    name,
    ...describedAs(role.description),
    class: role.class,
    ...(role.limits === undefined ? {} : { limits: limitsOf(role.limits) }),
    capabilities: role.capabilities ?? [],
    tables,
    views: role.views ?? [],
    ...(role.auditReads === true ? { auditReads: true as const } : {}),
  };
}

/** Without the members that are there and undefined. */
function limitsOf({ together, ...own }: ClientLimitsSpec): RoleLimits {
  return { ...given(own), ...(together === undefined ? {} : { together: given(together) }) };
}

function given(bounds: LimitsSpec): RoleLimits {
  return Object.fromEntries(Object.entries(bounds).filter(([, value]) => value !== undefined));
}

/** Members that bound nothing are left out, so that a manifest without them reads as ever. */
function boundsOf(
  grant: BoundedAccess<string>,
): Pick<TableGrant, 'rowFilter' | 'hidden' | 'masked' | 'writable'> {
  const { onlyWhere, hide = [], mask = {}, writeOnly } = grant;
  const masked = Object.entries(mask).flatMap(([column, as]) => (as ? [{ column, as }] : []));
  return {
    rowFilter: onlyWhere === undefined ? null : (plainJson(onlyWhere) as RowRule),
    ...(hide.length === 0 ? {} : { hidden: [...hide] }),
    ...(masked.length === 0 ? {} : { masked }),
    ...(writeOnly === undefined ? {} : { writable: [...writeOnly] }),
  };
}
