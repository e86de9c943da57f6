import type { ScalarKind } from '../model/types.ts';
import type {
  ColumnSpec,
  ColumnValue,
  FloatKind,
  IntegerKind,
  KeyColumnName,
  NameOfKind,
  Vec3,
} from './column-spec.ts';
import type { AllColumnSpecs, TableSpec, TableSpecs } from './table-spec.ts';

/** What may be said of any view. */
interface ViewOptions {
  /**
   * What a row of the view is, for whoever reads the API: it stands in the GraphQL schema, in hovers
   * of the generated SDK and in `manifest.json`. It can be changed at any time.
   */
  readonly description?: string | undefined;
}

/**
 * Groups rows of a table: one row a combination of the columns in `groupBy`, kept up to date with
 * every tick. Of a state table it groups the live rows: a row that is changed or deleted is taken
 * back as it was, and a group without rows leaves the view.
 */
interface GroupViewOf<Name extends string, Columns, Window> extends ViewOptions {
  readonly kind: 'group';
  /** The table whose rows are grouped. */
  readonly from: Name;
  /** The columns that name a row of the view, in order; `sessionId` and the like among them. */
  readonly groupBy: readonly KeyColumnName<Columns>[];
  /**
   * Groups by windows of so many ticks too; the key then ends with `tickWindow`. Not of a state
   * table, whose rows are of no one tick.
   */
  readonly tickWindow?: Window | undefined;
  /** What each row tells of its group: `count()`, `sum('amount')` and the like, by name. */
  readonly columns: { readonly [column: string]: AggregateSpec<Columns> };
}

type GroupViewSpec<Tables extends TableSpecs> = {
  readonly [Name in keyof Tables & string]: GroupViewOf<
    Name,
    SourceColumnSpecs<Tables[Name]>,
    Tables[Name]['kind'] extends 'state' ? never : number
  >;
}[keyof Tables & string];

/**
 * What a view may read of its table. Of a state table the declared columns: what the server writes
 * (`version`, `position`, `committedAt`) is not known of a row that is taken back.
 */
type SourceColumnSpecs<Table extends TableSpec> = Table['kind'] extends 'state'
  ? Table['columns']
  : AllColumnSpecs<Table>;

/** The first `limit` rows of a group view in each partition, by one of its columns, descending. */
export interface TopViewSpec extends ViewOptions {
  readonly kind: 'top';
  /** A group view beside it. */
  readonly from: string;
  /** Some of that view's key: each combination has first rows of its own. Empty: there is one list. */
  readonly partitionBy: readonly string[];
  /** The aggregate to order by, largest first. */
  readonly orderBy: string;
  /** How many rows a partition has at most. */
  readonly limit: number;
}

export type ViewSpecs<Tables extends TableSpecs> = {
  readonly [view: string]: GroupViewSpec<Tables> | TopViewSpec;
};

/**
 * Holds what `ViewSpecs` alone cannot say: a top view names a group view beside it and that view's
 * columns, and a `where` names columns of the source only. It stands in an intersection with what
 * was written: `unknown` where that is right, else a type nothing has and that names what there is.
 */
export type CheckedViews<Tables extends TableSpecs, Views> = {
  readonly [Name in keyof Views]: Views[Name] extends TopViewSpec
    ? CheckedTop<Views, Views[Name]>
    : Views[Name] extends { from: infer From extends keyof Tables; columns: infer Columns }
      ? { readonly columns: CheckedColumns<SourceColumnSpecs<Tables[From]>, Columns> }
      : unknown;
};

/** No literal type, or the compiler would fold the intersection to `never` and lose the place. */
interface MustBe<Known> {
  readonly mustBe: Known;
}

type CheckedTop<Views, View extends TopViewSpec> =
  View['from'] extends GroupViewName<Views>
    ? {
        readonly partitionBy: Exclude<
          View['partitionBy'][number],
          ViewKeyName<Views[View['from']]>
        > extends never
          ? unknown
          : MustBe<readonly ViewKeyName<Views[View['from']]>[]>;
        readonly orderBy: View['orderBy'] extends AggregateName<Views[View['from']]>
          ? unknown
          : MustBe<AggregateName<Views[View['from']]>>;
      }
    : { readonly from: MustBe<GroupViewName<Views>> };

type CheckedColumns<Columns, Aggregates> = {
  readonly [Name in keyof Aggregates]: Aggregates[Name] extends { where: infer Where }
    ? { readonly where: CheckedWhere<Columns, Where> }
    : unknown;
};

type CheckedWhere<Columns, Where> = {
  readonly [Name in keyof Where]: Name extends keyof Columns | 'and' | 'or' | 'not'
    ? unknown
    : MustBe<keyof Columns>;
};

type GroupViewName<Views> = {
  [Name in keyof Views & string]: Views[Name] extends { kind: 'group' } ? Name : never;
}[keyof Views & string];

type ViewKeyName<View> =
  | (View extends { groupBy: readonly (infer Name extends string)[] } ? Name : never)
  | (View extends { tickWindow: number } ? 'tickWindow' : never);

type AggregateName<View> = View extends { columns: infer Columns } ? keyof Columns & string : never;

type ListName<Columns> = {
  [Name in keyof Columns & string]: Columns[Name] extends ColumnSpec<
    ScalarKind,
    unknown,
    boolean,
    true
  >
    ? Name
    : never;
}[keyof Columns & string];

type AggregateSpec<Columns> =
  | CountOf<Columns>
  | AggregateOf<'countDistinct', KeyColumnName<Columns>, Columns>
  | AggregateOf<'sum', NameOfKind<Columns, IntegerKind | FloatKind>, Columns>
  | AggregateOf<
      'min' | 'max',
      NameOfKind<Columns, IntegerKind | FloatKind | 'string' | 'timestamp'>,
      Columns
    >
  | AggregateOf<'sumLength', ListName<Columns>, Columns>;

interface CountOf<Columns> {
  readonly op: 'count';
  readonly where?: WhereSpec<Columns> | undefined;
  readonly description?: string | undefined;
}

interface AggregateOf<Op extends string, Column extends string, Columns> {
  readonly op: Op;
  readonly column: Column;
  readonly where?: WhereSpec<Columns> | undefined;
  readonly description?: string | undefined;
}

/** A `where` on columns of known types. */
type WhereSpec<Columns> = {
  readonly [Name in keyof Columns]?: ConditionSpec<NonNullable<ColumnValue<Columns[Name]>>>;
} & {
  readonly and?: readonly WhereSpec<Columns>[];
  readonly or?: readonly WhereSpec<Columns>[];
  readonly not?: WhereSpec<Columns>;
};

type ConditionSpec<Value> = ComparisonSpec<Value> &
  (Value extends Vec3 ? { readonly [Part in keyof Vec3]?: ComparisonSpec<number> } : unknown);

interface ComparisonSpec<Value> {
  readonly eq?: Value;
  readonly ne?: Value;
  readonly in?: readonly Value[];
  readonly lt?: Value;
  readonly lte?: Value;
  readonly gt?: Value;
  readonly gte?: Value;
  readonly between?: readonly [Value, Value];
  readonly isNull?: boolean;
  readonly like?: string;
}

/** The columns of a view's rows as types; the counterpart of `viewColumns`. */
export type ViewColumnSpecs<
  Tables extends TableSpecs,
  Views,
  Name extends keyof Views,
> = GroupColumnSpecs<Tables, GroupOf<Views, Name>>;

export type ViewKeySpecs<
  Tables extends TableSpecs,
  Views,
  Name extends keyof Views,
> = GroupKeySpecs<Tables, GroupOf<Views, Name>>;

/** The group view itself, or the one a top view draws from. */
type GroupOf<Views, Name extends keyof Views> = Views[Name] extends {
  kind: 'top';
  from: infer From extends keyof Views;
}
  ? Views[From]
  : Views[Name];

type GroupColumnSpecs<Tables extends TableSpecs, View> = View extends {
  from: infer From extends keyof Tables;
  columns: infer Columns;
}
  ? GroupKeySpecs<Tables, View> & {
      readonly [Column in keyof Columns]: AggregateColumnSpec<
        AllColumnSpecs<Tables[From]>,
        Columns[Column]
      >;
    }
  : never;

type GroupKeySpecs<Tables extends TableSpecs, View> = View extends {
  from: infer From extends keyof Tables;
}
  ? {
      readonly [Name in ViewKeyName<View>]: Name extends keyof AllColumnSpecs<Tables[From]>
        ? AllColumnSpecs<Tables[From]>[Name]
        : ColumnSpec<'u32', number, false, false>;
    }
  : never;

type AggregateColumnSpec<Columns, Aggregate> = Aggregate extends {
  op: infer Op;
  column: infer Column extends keyof Columns;
}
  ? Op extends 'sum'
    ? SumSpec<Columns[Column]>
    : Op extends 'min' | 'max'
      ? LeastSpec<Columns[Column], Aggregate>
      : Count
  : Count;

type Count = ColumnSpec<'u64', bigint, false, false>;

type SumSpec<Column> =
  Column extends ColumnSpec<FloatKind>
    ? ColumnSpec<'f64', number, false, false>
    : Column extends ColumnSpec<'u8' | 'u16' | 'u32' | 'u64'>
      ? ColumnSpec<'u64', bigint, false, false>
      : ColumnSpec<'i64', bigint, false, false>;

/** Null where no row of the group matches the condition. */
type LeastSpec<Column, Aggregate> =
  Column extends ColumnSpec<infer Kind, infer Value, infer Optional, false>
    ? ColumnSpec<Kind, Value, HasCondition<Aggregate> extends true ? true : Optional, false>
    : never;

/** An aggregate that may have a condition counts as one that has. */
type HasCondition<Aggregate> = 'where' extends keyof Aggregate
  ? [Aggregate['where']] extends [undefined]
    ? false
    : true
  : false;
