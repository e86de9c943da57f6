import { EngineError } from './errors.ts';
import { allColumns } from './system-columns.ts';
import type {
  ColumnDefinition,
  RoleDefinition,
  TableDefinition,
  TitleManifest,
  ViewDefinition,
} from './types.ts';

/** A manifest with its parts by name. The manifest must be valid (`validate.ts`). */
export class Catalog {
  readonly manifest: TitleManifest;
  readonly tables: ReadonlyMap<string, TableDefinition>;
  readonly views: ReadonlyMap<string, ViewDefinition>;
  readonly roles: ReadonlyMap<string, RoleDefinition>;
  readonly actionTable: TableDefinition;
  readonly stateTables: readonly TableDefinition[];
  readonly eventTables: readonly TableDefinition[];
  readonly #columns = new Map<string, ReadonlyMap<string, ColumnDefinition>>();

  constructor(manifest: TitleManifest) {
    this.manifest = manifest;
    this.tables = new Map(manifest.tables.map((table) => [table.name, table]));
    this.views = new Map(manifest.views.map((view) => [view.name, view]));
    this.roles = new Map(manifest.roles.map((role) => [role.name, role]));
    this.stateTables = manifest.tables.filter((table) => table.kind === 'state');
    this.eventTables = manifest.tables.filter((table) => table.kind === 'event');
    const actionTable = manifest.tables.find((table) => table.kind === 'action');
    if (!actionTable) throw new RangeError('a valid manifest has an action table');
    this.actionTable = actionTable;
    for (const table of manifest.tables) {
      this.#columns.set(table.name, new Map(allColumns(table).map((c) => [c.name, c])));
    }
  }

  /** Throws `BAD_USER_INPUT` for an unknown name. */
  table(name: string): TableDefinition {
    const table = this.tables.get(name);
    if (!table) throw new EngineError('BAD_USER_INPUT', `there is no table "${name}"`);
    return table;
  }

  /** System and declared columns of a table by name. */
  columnsOf(table: TableDefinition): ReadonlyMap<string, ColumnDefinition> {
    return this.#columns.get(table.name) ?? new Map();
  }

  /** A column by name, system columns included. Throws `BAD_USER_INPUT` for an unknown one. */
  column(table: TableDefinition, name: string): ColumnDefinition {
    const column = this.columnsOf(table).get(name);
    if (!column) {
      throw new EngineError('BAD_USER_INPUT', `table "${table.name}" has no column "${name}"`);
    }
    return column;
  }
}
