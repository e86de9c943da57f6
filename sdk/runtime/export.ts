import type { RecordBatch, Table } from 'apache-arrow';
import { errorFromStatus, errorFromWire, isRecord, TickloomError } from './errors.ts';
import type { JsonValue } from './kinds.ts';
import type { Position } from './position.ts';
import type { ColumnOf, Where } from './row-types.ts';
import type { Title } from './title.ts';
import { asTransportError, type CallOptions, type Operation, type Transport } from './transport.ts';

export type ExportFormat = 'ARROW_STREAM' | 'ARROW_FILE' | 'PARQUET';

export interface ExportShape {
  /** `ARROW_STREAM` unless told otherwise. */
  readonly format?: ExportFormat | undefined;
  /** `NONE` unless told otherwise: JavaScript's Arrow reader has no codec built in. */
  readonly compression?: 'NONE' | 'LZ4' | 'ZSTD' | undefined;
  /**
   * Only rows committed after this. Of a state table, rows that are gone since come too, with their
   * key and `deleted: true`; all others have `deleted: false`.
   */
  readonly sincePosition?: Position | undefined;
  /** The rows as of here; as of now unless told otherwise. */
  readonly asOf?: { readonly position: Position } | undefined;
}

/** One table to export, with a filter and columns of its own. */
export interface ExportOf<Table extends string, Row> {
  readonly table: Table;
  readonly sql?: never;
  readonly where?: Where<Row> | undefined;
  readonly columns?: readonly ColumnOf<Row>[] | undefined;
}

/** A query to export. `parameters` fill `{name:Type}` in it. */
export interface SqlExport {
  readonly sql: string;
  readonly parameters?: Readonly<Record<string, JsonValue>> | undefined;
}

/** An untyped `createExport` request; clients narrow table, columns and `where`. */
export type AnyExportRequest = ExportShape & {
  readonly table?: string | undefined;
  readonly sql?: string | undefined;
  readonly parameters?: Readonly<Record<string, JsonValue>> | undefined;
  readonly where?: object | undefined;
  readonly columns?: readonly string[] | undefined;
};

interface ExportFields {
  readonly id: string;
  readonly url: string;
  readonly expiresAt: string;
  readonly state: string;
  readonly position: Position;
  readonly rows: number | string | null;
  readonly bytes: number | string | null;
  readonly format: ExportFormat;
}

const fields = 'id url expiresAt state position rows bytes format';

/** Makes a link; a lost answer costs one link nobody opens. */
const createExportOperation = {
  name: 'CreateExport',
  kind: 'idempotent',
  document: `mutation CreateExport($input: CreateExportInput!) { createExport(input: $input) { ${fields} } }`,
} as const;

const readExportOperation = {
  name: 'Export',
  kind: 'query',
  document: `query Export($id: ID!) { export(id: $id) { ${fields} } }`,
} as const;

export const exportOperations: readonly Operation[] = [createExportOperation, readExportOperation];

export async function createExport(
  title: Title,
  transport: Transport,
  request: AnyExportRequest,
  options: CallOptions,
): Promise<Export> {
  const { where, ...rest } = request;
  const { table } = request;
  const wire =
    where === undefined || table === undefined ? where : title.codec(table).encodeWhere(where);
  const compression = request.compression ?? 'NONE';
  const input = { ...rest, where: wire, format: request.format ?? 'ARROW_STREAM', compression };
  const data = await transport.execute(createExportOperation, { input }, options);
  return new Export(transport, data.createExport as ExportFields, compression);
}

/** Rows as of one log position, behind a signed link that anything can download. */
export class Export {
  readonly id: string;
  /** Needs no other credential: hand it to pandas, Polars or DuckDB. */
  readonly url: string;
  readonly expiresAt: Date;
  readonly position: Position;
  readonly format: ExportFormat;
  readonly #transport: Transport;
  readonly #compression: string;

  constructor(transport: Transport, wire: ExportFields, compression: string) {
    this.id = wire.id;
    this.url = new URL(wire.url, transport.endpoint).href;
    this.expiresAt = new Date(wire.expiresAt);
    this.position = wire.position;
    this.format = wire.format;
    this.#transport = transport;
    this.#compression = compression;
  }

  /** How far it is: state, rows and bytes so far. */
  async status(options: CallOptions = {}): Promise<{
    readonly state: string;
    readonly rows: number | null;
    readonly bytes: number | null;
  }> {
    const data = await this.#transport.execute(readExportOperation, { id: this.id }, options);
    if (data.export === null) throw new TickloomError('NOT_FOUND', `export ${this.id} is gone`);
    const { state, rows, bytes } = data.export as ExportFields;
    return {
      state,
      rows: rows === null ? null : Number(rows),
      bytes: bytes === null ? null : Number(bytes),
    };
  }

  /** The download itself, as bytes to pipe on. */
  async response(options: Pick<CallOptions, 'signal'> = {}): Promise<Response> {
    const { fetch } = this.#transport;
    const { signal } = options;
    const response = await fetch(this.url, signal ? { signal } : {}).catch((error: unknown) => {
      throw asTransportError(error, { name: 'export' }, signal);
    });
    if (response.ok) return response;
    const answer: unknown = await response.json().catch(() => null);
    const first = isRecord(answer) && Array.isArray(answer.errors) ? answer.errors[0] : answer;
    const isWire = isRecord(first) && isRecord(first.extensions);
    if (isWire) throw errorFromWire(first);
    throw errorFromStatus(response.status, response.headers.get('retry-after'), 'the export link');
  }

  /** All rows in memory, as one Arrow table. */
  async table(options: Pick<CallOptions, 'signal'> = {}): Promise<Table> {
    const { Table: ArrowTable } = await import('apache-arrow');
    const reader = await this.#open(options);
    const batches: RecordBatch[] = [];
    for await (const batch of reader) batches.push(batch);
    return new ArrowTable(reader.schema, batches);
  }

  /** Arrow record batches as they arrive, one in memory at a time. */
  async *stream(
    options: Pick<CallOptions, 'signal'> = {},
  ): AsyncGenerator<RecordBatch, undefined, undefined> {
    yield* await this.#open(options);
  }

  async #open(options: Pick<CallOptions, 'signal'>) {
    if (this.format === 'PARQUET' || this.#compression !== 'NONE') {
      throw new TickloomError(
        'BAD_USER_INPUT',
        'only an uncompressed Arrow export can be opened here: ask for compression NONE, or use response()',
        { details: { format: this.format, compression: this.#compression } },
      );
    }
    const { RecordBatchReader } = await import('apache-arrow');
    const { body } = await this.response(options);
    if (body === null) throw new TickloomError('BAD_RESPONSE', 'the export link sent no body');
    const reader = await RecordBatchReader.from(chunksOf(body));
    await reader.open();
    return reader;
  }
}

/** Not every browser's stream is iterable by itself. */
async function* chunksOf(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}
