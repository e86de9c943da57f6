import { createHash, hash } from 'node:crypto';
import type { RecordAuthor } from '../govern/record-author.ts';
import type { Catalog } from '../model/catalog.ts';
import { columnNamed } from '../model/kinds.ts';
import { plainColumn } from '../model/plain-column.ts';
import type { ColumnDefinition, TableDefinition } from '../model/types.ts';
import { type ConditionForm, operandColumn } from '../query/condition-form.ts';
import { aligned } from '../vectors/aligned.ts';
import { decodeRecordBatch, encodeRecordBatch } from '../vectors/arrow/record-batch.ts';
import type { ColumnBatch, ColumnVector, FixedVector } from '../vectors/column-vector.ts';
import { heldBytes, isNullThroughout } from '../vectors/vector-bytes.ts';
import { emptyVector } from '../vectors/vector-rows.ts';
import { addendColumn } from './adjustment.ts';
import type { ConflictPolicy, EffectOp, EffectStream, TickBatch } from './tick-batch.ts';

/**
 * Log records. A payload is a JSON header and, for a tick, Arrow record batches:
 *
 * ```
 * | header bytes u32 | JSON, padded with spaces to 8 | actions | stream 0 | stream 1 | …
 * ```
 *
 * The header names the columns of each batch, so a record can be read under a later manifest that
 * has more of them. Of whole rows (actions, append, insert) columns without a value are left out:
 * a client that knows fewer columns, and one that sends nulls, write the same record. Everything
 * that decides verdicts is in the record; beside that only who made it is (`by`), which decides
 * nothing: neither digests nor state hashes know of it.
 */
export type RecordHeader = TickRecordHeader | SessionRecordHeader;

/** What an earlier record came to when it was applied: its position and the link of the hash chain. */
export interface Witness {
  readonly lsn: number;
  /** The first 16 bytes of the session's state hash after it, hexadecimal. */
  readonly hash: string;
}

export interface TickRecordHeader {
  readonly type: 'tick';
  readonly at: number;
  /** Absent: a record that names nobody. */
  readonly by?: RecordAuthor;
  /** The newest tick applied when this record was made; a replay must come to the same. */
  readonly seen: Witness | null;
  readonly session: string;
  readonly tick: number | null;
  readonly fence: number | null;
  readonly key: string | null;
  readonly policy: ConflictPolicy;
  readonly after: number | null;
  /** Its actions are answered once; absent: they are not. */
  readonly once?: boolean;
  /** Rows of the action batch; 0: there is none. */
  readonly actions: number;
  readonly actionColumns: readonly string[];
  readonly streams: readonly StreamHeader[];
}

interface StreamHeader {
  readonly table: string;
  readonly op: EffectOp;
  readonly rows: number;
  readonly columns: readonly string[];
  readonly versioned: boolean;
  /** The stream's `require`. */
  readonly guard: ConditionForm | null;
  /** Its operands, by the column each compares with. */
  readonly operands: readonly string[];
}

export interface SessionRecordHeader {
  readonly type: 'session';
  readonly at: number;
  /** Absent: a record that names nobody. */
  readonly by?: RecordAuthor;
  readonly session: string;
  readonly verb: 'open' | 'takeOver' | 'close';
  /** For `close`: the closer's fence, null when it has none. */
  readonly fence: number | null;
}

/** A tick's content, encoded once; the record around it is made when its turn in the log has come. */
export interface EncodedTick {
  /**
   * SHA-256 of everything the caller sent but the session's name, its fence and `afterTick`, and
   * of nothing else: equal digests are the same tick.
   */
  readonly digest: Uint8Array;
  /** The memory that the content keeps alive: of a body by Arrow all of it. */
  heldBytes(): number;
  /** The parts of the record: stamped now, so that times and witnesses follow the log's order. */
  record(
    committedAtMs: number,
    seen: Witness | null,
    by?: RecordAuthor | null,
  ): readonly Uint8Array[];
}

export function encodeTick(batch: TickBatch): EncodedTick {
  const { header } = batch;
  const content: Uint8Array[] = [];
  const actions = batch.actions.vectors.filter((vector) => !isNullThroughout(vector));
  if (batch.actions.length > 0) encodeRecordBatch(batch.actions.length, actions, content);
  const streams = batch.streams.map((stream): StreamHeader => {
    const columns = writtenColumns(stream);
    encodeRecordBatch(stream.length, streamVectors(stream, columns), content);
    return {
      table: stream.table.name,
      op: stream.op,
      rows: stream.length,
      columns: columns.map((vector) => vector.column.name),
      versioned: stream.expectedVersions !== null,
      guard: stream.require?.form ?? null,
      operands: stream.require?.operands.map((operand) => operand.column.name) ?? [],
    };
  });
  const shape = {
    tick: header.tick,
    policy: header.onConflict,
    ...onceOf(header),
    actions: batch.actions.length,
    actionColumns: batch.actions.length === 0 ? [] : actions.map((vector) => vector.column.name),
    streams,
  };
  const shapeJson = JSON.stringify(shape);
  return {
    digest: contentDigest(shapeJson, content),
    heldBytes: () => heldBytes(content),
    record: (committedAtMs, seen, by = null) => {
      const stamp = {
        type: 'tick',
        at: committedAtMs,
        ...(by === null ? {} : { by }),
        seen,
        session: header.sessionId,
        fence: header.fence,
        key: header.idempotencyKey,
        after: header.afterTick,
      } satisfies Partial<TickRecordHeader>;
      // The shape is spelled once: the header is `{ ...stamp, ...shape }`.
      const json = `${JSON.stringify(stamp).slice(0, -1)},${shapeJson.slice(1)}`;
      return [headerPart(json), ...content];
    },
  };
}

/** Up to here content is copied together: to hash it in pieces costs more than the copy. */
const scratch = Buffer.allocUnsafeSlow(64 * 1024);

function contentDigest(shapeJson: string, content: readonly Uint8Array[]): Uint8Array {
  let bytes = shapeJson.length * 3;
  for (const part of content) bytes += part.length;
  if (bytes > scratch.length) {
    const digest = createHash('sha256').update(shapeJson);
    for (const part of content) digest.update(part);
    return digest.digest();
  }
  let end = scratch.write(shapeJson);
  for (const part of content) {
    scratch.set(part, end);
    end += part.length;
  }
  return hash('sha256', scratch.subarray(0, end), 'buffer');
}

/** A tick that does not say so is the record, and the digest, that it always was. */
function onceOf({ once }: { readonly once?: boolean | undefined }): { readonly once?: true } {
  return once ? { once } : {};
}

export function encodeSession(header: SessionRecordHeader): Uint8Array[] {
  return [headerPart(JSON.stringify(header))];
}

/** The digest of a record's content, equal to the one `encodeTick` gave. */
export function digestOf(record: DecodedTick): Uint8Array {
  const { tick, policy, actions, actionColumns, streams } = record.header;
  const shape = { tick, policy, ...onceOf(record.header), actions, actionColumns, streams };
  return contentDigest(JSON.stringify(shape), [record.content]);
}

export interface DecodedTick {
  readonly header: TickRecordHeader;
  readonly batch: TickBatch;
  /** The record batches' bytes. */
  readonly content: Uint8Array;
}

export function decodeHeader(payload: Uint8Array): {
  readonly header: RecordHeader;
  readonly end: number;
} {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const end = 4 + view.getUint32(0, true);
  const json = Buffer.from(payload.buffer, payload.byteOffset + 4, end - 4).toString('utf8');
  return { header: JSON.parse(json) as RecordHeader, end };
}

/** When a record was made, in milliseconds since 1970. Throws for bytes that are no record. */
export function timeOfRecord(payload: Uint8Array): number {
  const { at } = decodeHeader(payload).header as Partial<RecordHeader>;
  if (typeof at === 'number') return at;
  throw new RangeError('not a record of a title');
}

/** The batch of a tick record, sharing the payload's memory (which must be 8-byte aligned). */
export function decodeTick(
  catalog: Catalog,
  header: TickRecordHeader,
  payload: Uint8Array,
  start: number,
): DecodedTick {
  let at = start;
  const readBatch = (columns: readonly ColumnDefinition[]): ColumnVector[] => {
    const { vectors, end } = decodeRecordBatch(payload, at, columns);
    at = end;
    return vectors;
  };
  const actionColumns = actionBatchColumns(catalog.actionTable);
  const actions: ColumnBatch = {
    length: header.actions,
    vectors: completed(
      header.actions === 0 ? [] : readBatch(named(actionColumns, header.actionColumns)),
      actionColumns,
      header.actions,
    ),
  };
  const streams = header.streams.map((stream): EffectStream => {
    const table = catalog.table(stream.table);
    const given = named(table.columns, stream.columns);
    const columns = stream.op === 'adjust' ? addends(table, given) : given;
    const operands = named(table.columns, stream.operands).map(operandColumn);
    const prefix = stream.versioned ? [actionColumn, versionColumn] : [actionColumn];
    const vectors = readBatch([...prefix, ...columns, ...operands]);
    const rows = vectors.slice(prefix.length, prefix.length + columns.length);
    return {
      table,
      op: stream.op,
      length: stream.rows,
      action: uint32s(vectors[0]),
      expectedVersions: stream.versioned ? uint32s(vectors[1]) : null,
      rows: {
        length: stream.rows,
        vectors: stream.op === 'append' ? completed(rows, table.columns, stream.rows) : rows,
      },
      require: stream.guard && {
        form: stream.guard,
        operands: vectors.slice(prefix.length + columns.length),
      },
    };
  });
  const batch: TickBatch = {
    header: {
      sessionId: header.session,
      tick: header.tick,
      fence: header.fence,
      idempotencyKey: header.key,
      onConflict: header.policy,
      afterTick: header.after,
      ...onceOf(header),
    },
    actions,
    streams,
  };
  return { header, batch, content: payload.subarray(start, at) };
}

export const actionIdColumn = plainColumn('actionId', 'string');

/** The columns of a batch of actions: `actionId`, then the declared ones. */
export function actionBatchColumns(actionTable: TableDefinition): readonly ColumnDefinition[] {
  return [actionIdColumn, ...actionTable.columns];
}

/** The columns of an adjust stream: key columns as they are, columns to add to as addends. */
function addends(
  table: TableDefinition,
  columns: readonly ColumnDefinition[],
): readonly ColumnDefinition[] {
  return columns.map((c) => (table.key.includes(c.name) ? c : addendColumn(c)));
}

const actionColumn: ColumnDefinition = { ...actionIdColumn, name: 'action', kind: 'u32' };
const versionColumn: ColumnDefinition = { ...actionColumn, name: 'expectedVersion' };

/** To set a column to null says something; to create a row without it does not. */
function writtenColumns(stream: EffectStream): readonly ColumnVector[] {
  const { vectors } = stream.rows;
  const isWhole = stream.op === 'append' || stream.op === 'insert';
  return isWhole ? vectors.filter((vector) => !isNullThroughout(vector)) : vectors;
}

function streamVectors(stream: EffectStream, columns: readonly ColumnVector[]): ColumnVector[] {
  const vectors: ColumnVector[] = [uint32Vector(actionColumn, stream.action)];
  if (stream.expectedVersions) {
    vectors.push(uint32Vector(versionColumn, stream.expectedVersions));
  }
  vectors.push(...columns);
  if (stream.require) vectors.push(...stream.require.operands);
  return vectors;
}

function uint32Vector(column: ColumnDefinition, values: Uint32Array): FixedVector {
  return { column, layout: 'fixed', length: values.length, validity: null, values };
}

function uint32s(vector: ColumnVector | undefined): Uint32Array {
  if (vector?.layout === 'fixed' && vector.values instanceof Uint32Array) return vector.values;
  throw new RangeError('a stream begins with its action column');
}

function named(
  columns: readonly ColumnDefinition[],
  names: readonly string[],
): readonly ColumnDefinition[] {
  return names.map((name) => {
    const column = columnNamed(columns, name);
    if (!column) throw new RangeError(`the record has a column "${name}" that the manifest lacks`);
    return column;
  });
}

/** All of `columns`; those that an older record lacks are empty. */
function completed(
  vectors: readonly ColumnVector[],
  columns: readonly ColumnDefinition[],
  length: number,
): readonly ColumnVector[] {
  if (vectors.length === columns.length) return vectors;
  const byName = new Map(vectors.map((vector) => [vector.column.name, vector]));
  return columns.map((column) => byName.get(column.name) ?? emptyVector(column, length));
}

function headerPart(json: string): Uint8Array {
  const jsonBytes = Buffer.byteLength(json);
  const bytes = aligned(4 + jsonBytes);
  const part = Buffer.allocUnsafe(bytes);
  part.writeUInt32LE(bytes - 4, 0);
  part.write(json, 4);
  return part.fill(0x20, 4 + jsonBytes);
}
