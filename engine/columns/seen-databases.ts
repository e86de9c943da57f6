import { createHash } from 'node:crypto';
import type { ColumnMasks } from '../access/column-mask.ts';
import type { SeenTable, SeenTables } from '../access/seen-tables.ts';
import type { Catalog } from '../model/catalog.ts';
import { limits } from '../model/limits.ts';
import { proveBarrier } from './barrier-proof.ts';
import type { ColumnClient } from './client.ts';
import type { PadsSql } from './queries/pseudonym-sql.ts';
import { type SeenSource, seenSources } from './queries/seen-table-sql.ts';
import { SqlParameters } from './queries/sql-parameters.ts';
import { quoteName } from './queries/sql-text.ts';
import { databaseName, seenDatabasesOf, storedColumns, storedName } from './schema-sql.ts';
import { seenValueSettings, seenValueSql } from './seen-values.ts';

/** What a user's SQL can name, and where it runs. */
export interface SqlScope {
  readonly database: string;
  readonly tables: ReadonlySet<string>;
  readonly columns: ReadonlySet<string>;
  /** What the query needs to be set. */
  readonly settings: Readonly<Record<string, string>>;
  /** Texts among the settings that nobody may be shown. */
  readonly secrets: readonly string[];
  /** Whether the scope is less than the title. */
  readonly isPart: boolean;
  /** Whether rows are filtered out of it. */
  readonly hidesRows: boolean;
}

/** A scope that stays until it is released. */
export interface HeldScope extends SqlScope {
  release(): void;
}

export interface SeenDatabasesOptions {
  readonly client: ColumnClient;
  readonly catalog: Catalog;
  /** Null: columns that are shown as pseudonyms are left out. */
  readonly masks: ColumnMasks | null;
}

interface Entry {
  readonly database: string;
  readonly ready: Promise<void>;
  holders: number;
}

/**
 * A database of views for each way to see a title by SQL, with the rule and the columns inside: what a
 * role may not see is not there, whatever its text says. Views hold the form of a rule, and never a
 * value: claims come as a setting of the query, so that there are as many databases as forms, which are
 * few, made when they are first needed; those used the longest ago make room.
 */
export class SeenDatabases {
  readonly #options: SeenDatabasesOptions;
  /** By what defines them, in the order of their last uses. */
  readonly #entries = new Map<string, Entry>();
  readonly #dropping = new Map<string, Promise<void>>();
  #proof: Promise<void> | null = null;

  constructor(options: SeenDatabasesOptions) {
    this.#options = options;
  }

  /** Whether texts can be shown as pseudonyms. */
  get makesPseudonyms(): boolean {
    return this.#options.masks !== null;
  }

  /** The scope of somebody who sees so much; `release` must follow, when what runs in it is over. */
  async hold(seen: SeenTables): Promise<HeldScope> {
    const { catalog } = this.#options;
    if (seen === 'whole') return { ...titleScope(catalog), release: () => {} };
    const parameters = new SqlParameters(seenValueSql);
    const sources = seen.flatMap((table) => seenSources(catalog, table, parameters, this.#pads()));
    const hidesRows = seen.some(({ condition }) => condition !== null);
    if (hidesRows) await this.#prove();
    const secrets = this.#secretsOf(seen);
    const settings = seenValueSettings({ ...parameters.values, ...secrets });
    const entry = this.#entryOf(sources, settings);
    entry.holders += 1;
    const release = () => {
      entry.holders -= 1;
    };
    try {
      await entry.ready;
    } catch (error) {
      release();
      throw error;
    }
    return {
      database: entry.database,
      tables: new Set(sources.map(({ name }) => name)),
      columns: new Set(sources.flatMap(({ columns }) => columns)),
      settings,
      secrets: Object.values(secrets),
      isPart: true,
      hidesRows,
      release,
    };
  }

  /** `settings`: values that fit the views; they are looked at as views are made, and not kept. */
  #entryOf(sources: readonly SeenSource[], settings: HeldScope['settings']): Entry {
    const definition = JSON.stringify(sources.map(({ name, sql }) => [name, sql]));
    const known = this.#entries.get(definition);
    if (known !== undefined) {
      this.#entries.delete(definition);
      this.#entries.set(definition, known);
      return known;
    }
    this.#makeRoom();
    const hash = createHash('sha256').update(definition).digest('hex').slice(0, 20);
    const database = `${seenDatabasesOf(this.#options.catalog.manifest.title)}${hash}`;
    const entry: Entry = { database, ready: this.#make(database, sources, settings), holders: 0 };
    this.#entries.set(definition, entry);
    entry.ready.catch(() => {
      if (this.#entries.get(definition) === entry) this.#entries.delete(definition);
    });
    return entry;
  }

  async #make(
    database: string,
    sources: readonly SeenSource[],
    settings: HeldScope['settings'],
  ): Promise<void> {
    const { client } = this.#options;
    const name = quoteName(database);
    await this.#dropping.get(database);
    // A failure may have left one of that name behind.
    await client.command(`DROP DATABASE IF EXISTS ${name} SYNC`);
    await client.command(`CREATE DATABASE ${name}`);
    await Promise.all(
      sources.map((source) =>
        client.command(`CREATE VIEW ${name}.${quoteName(source.name)} AS ${source.sql}`, settings),
      ),
    );
  }

  #makeRoom(): void {
    for (const [definition, { database, holders }] of this.#entries) {
      if (this.#entries.size < limits.sqlDatabasesMax) return;
      if (holders > 0) continue;
      this.#entries.delete(definition);
      // Where that fails, the next start drops it.
      const dropped = this.#options.client
        .command(`DROP DATABASE IF EXISTS ${quoteName(database)} SYNC`)
        .catch(() => {})
        .finally(() => this.#dropping.delete(database));
      this.#dropping.set(database, dropped);
    }
  }

  /** Once for a store, unless it could not be asked. */
  async #prove(): Promise<void> {
    const database = `${seenDatabasesOf(this.#options.catalog.manifest.title)}proof`;
    this.#proof ??= proveBarrier(this.#options.client, database);
    try {
      await this.#proof;
    } catch (error) {
      this.#proof = null;
      throw error;
    }
  }

  /** What makes pseudonyms in a query of this room's own, with its parameters. */
  padsIn(parameters: SqlParameters): {
    readonly sql: PadsSql;
    readonly secrets: readonly string[];
  } {
    const { masks } = this.#options;
    if (masks === null) throw new RangeError('no pseudonyms can be made here');
    const { inner, outer } = masks.pads;
    const sql = { inner: parameters.add('String', inner), outer: parameters.add('String', outer) };
    return { sql, secrets: [inner, outer] };
  }

  #pads(): PadsSql | null {
    if (this.#options.masks === null) return null;
    return { inner: seenValueSql('inner', 'String'), outer: seenValueSql('outer', 'String') };
  }

  #secretsOf(seen: readonly SeenTable[]): Readonly<Record<string, string>> {
    const isMasked = seen.some(({ columns }) => columns.some(({ shown }) => shown === 'hash'));
    return isMasked ? { ...this.#options.masks?.pads } : {};
  }
}

/** Everything of the title. */
function titleScope(catalog: Catalog): SqlScope {
  const tables = new Set<string>();
  const columns = new Set<string>();
  for (const table of catalog.tables.values()) {
    tables.add(table.name).add(storedName(table));
    for (const column of storedColumns(table)) columns.add(column.name);
  }
  return {
    database: databaseName(catalog.manifest.title),
    tables,
    columns,
    settings: {},
    secrets: [],
    isPart: false,
    hidesRows: false,
  };
}

/** Drops the databases by which roles saw parts of the title: the manifest may be another one now. */
export async function dropSeenDatabases(client: ColumnClient, title: string): Promise<void> {
  const { rows } = await client.query({
    sql: 'SELECT name FROM system.databases WHERE startsWith(name, {start:String})',
    author: 'engine',
    housekeeping: true,
    parameters: { start: seenDatabasesOf(title) },
  });
  const names = rows.map(([name]) => quoteName(String(name)));
  await Promise.all(names.map((name) => client.command(`DROP DATABASE IF EXISTS ${name} SYNC`)));
}
