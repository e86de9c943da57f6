import {
  type Data,
  Dictionary,
  Field,
  Float32,
  Float64,
  List,
  makeData,
  RecordBatch,
  RecordBatchStreamWriter,
  Schema,
  Table,
  Uint8,
  Uint32,
  Utf8,
  Vector,
  vectorFromArray,
} from 'apache-arrow';
import type { LoadRows } from './load-config.ts';
import { Random } from './random.ts';
import {
  indexDigits,
  orderKinds,
  type TickBodies,
  tickDigits,
  type UnitVersions,
  writeDigits,
} from './tick-bodies.ts';

const idBytes = tickDigits + indexDigits;

/**
 * Ticks as bodies of the commit endpoint. Arrow writes one body; those sent are copies of it in
 * which only ids, keys and versions are patched, so that the load costs little beside the server.
 */
export class ArrowBodies implements TickBodies {
  readonly rows: number;
  readonly contentType = 'application/vnd.apache.arrow.stream';
  readonly #load: LoadRows;
  readonly #units: UnitVersions | null;
  readonly #template: Uint8Array<ArrayBuffer>;
  readonly #idsAt: number | null;
  readonly #unitsAt: number | null;
  readonly #versionsAt: number | null;
  readonly #spare: Uint8Array<ArrayBuffer>[] = [];
  #inserted = 0;

  constructor(load: LoadRows, units: UnitVersions | null, seed: number) {
    this.rows = load.rows;
    this.#load = load;
    this.#units = units;
    const random = new Random(seed);
    const columns = new MarkedColumns(random, load.rows);
    this.#template = joined(streamsOf(load, columns, random));
    this.#idsAt = columns.ids && placeOf(this.#template, columns.ids);
    this.#unitsAt = columns.units && placeOf(this.#template, bytesOf(columns.units));
    this.#versionsAt = columns.versions && placeOf(this.#template, bytesOf(columns.versions));
    if (this.#idsAt !== null) {
      for (let i = 0; i < load.rows; i++) {
        writeDigits(this.#template, this.#idsAt + i * idBytes + tickDigits, indexDigits, i);
      }
    }
  }

  bodyOf(tick: number): Uint8Array {
    const body = this.#spare.pop() ?? this.#template.slice();
    if (this.#idsAt !== null) this.#writeIds(body, this.#idsAt, tick);
    if (this.#load.kind === 'insertUnits') this.#writeNewUnits(body);
    if (this.#load.kind === 'swap') this.#writeSwaps(body);
    return body;
  }

  giveBack(body: Uint8Array): void {
    this.#spare.push(body as Uint8Array<ArrayBuffer>);
  }

  #writeIds(body: Uint8Array, idsAt: number, tick: number): void {
    writeDigits(body, idsAt, tickDigits, tick);
    for (let i = 1; i < this.rows; i++) {
      const at = idsAt + i * idBytes;
      for (let digit = 0; digit < tickDigits; digit++) {
        body[at + digit] = body[idsAt + digit] as number;
      }
    }
  }

  #writeNewUnits(body: Uint8Array<ArrayBuffer>): void {
    const units = new Uint32Array(body.buffer, this.#unitsAt ?? 0, this.rows);
    for (let i = 0; i < this.rows; i++) units[i] = this.#inserted + i;
    this.#inserted += this.rows;
  }

  #writeSwaps(body: Uint8Array<ArrayBuffer>): void {
    const state = this.#units;
    if (!state) return;
    const { versions, picks } = state;
    const units = new Uint32Array(body.buffer, this.#unitsAt ?? 0, this.rows);
    const expected = new Uint32Array(body.buffer, this.#versionsAt ?? 0, this.rows);
    for (let i = 0; i < this.rows; i++) {
      const unit = picks[state.next] as number;
      state.next = state.next + 1 === picks.length ? 0 : state.next + 1;
      units[i] = unit;
      const version = versions[unit] as number;
      expected[i] = version;
      versions[unit] = version + 1;
    }
  }
}

/** Columns that are patched later: filled with noise, by which they are found in the body. */
class MarkedColumns {
  ids: Uint8Array | null = null;
  units: Uint32Array | null = null;
  versions: Uint32Array | null = null;
  readonly #random: Random;
  readonly #rows: number;

  constructor(random: Random, rows: number) {
    this.#random = random;
    this.#rows = rows;
  }

  actionIds(): Data {
    const ids = new Uint8Array(this.#rows * idBytes);
    for (let i = 0; i < ids.length; i++) ids[i] = 97 + this.#random.below(26);
    this.ids = ids;
    const valueOffsets = Int32Array.from({ length: this.#rows + 1 }, (_, i) => i * idBytes);
    return makeData({
      type: new Utf8(),
      length: this.#rows,
      nullCount: 0,
      valueOffsets,
      data: ids,
    });
  }

  unitIds(): Data {
    this.units = this.#noise();
    return uint32Data(this.units);
  }

  expectedVersions(): Data {
    this.versions = this.#noise();
    return uint32Data(this.versions);
  }

  #noise(): Uint32Array {
    return Uint32Array.from({ length: this.#rows }, () => this.#random.uint32());
  }
}

function streamsOf(load: LoadRows, marked: MarkedColumns, random: Random): Uint8Array[] {
  const { rows } = load;
  switch (load.kind) {
    case 'actions': {
      const actions = arrowStream('actionLog', 'actions', {
        actionId: marked.actionIds(),
        playerId: uint32Data(Uint32Array.from({ length: rows }, () => random.below(8))),
        kind: kindData(rows, random),
        unitIds: unitLists(rows, random),
        x: coordinates(rows, random),
        y: coordinates(rows, random),
      });
      if (load.upserts === 0) return [actions];
      const effects = rows * load.upserts;
      const upserts = arrowStream('unitState', 'upsert', {
        action: uint32Data(
          Uint32Array.from({ length: effects }, (_, i) => Math.floor(i / load.upserts)),
        ),
        unitId: uint32Data(Uint32Array.from({ length: effects }, () => random.below(load.units))),
        ownerId: uint32Data(Uint32Array.from({ length: effects }, () => random.below(8))),
        x: coordinates(effects, random),
        y: coordinates(effects, random),
      });
      return [actions, upserts];
    }
    case 'ledger':
      return [
        arrowStream('resourceLedger', 'append', {
          playerId: uint32Data(Uint32Array.from({ length: rows }, () => random.below(8))),
          resource: dictionaryData(
            ['MASS', 'ENERGY'],
            Uint8Array.from({ length: rows }, () => random.below(2)),
          ),
          amount: makeData({
            type: new Float64(),
            length: rows,
            nullCount: 0,
            data: Float64Array.from({ length: rows }, () => random.unit() * 100),
          }),
        }),
      ];
    case 'insertUnits':
      return [
        arrowStream('unitState', 'insert', {
          unitId: marked.unitIds(),
          ownerId: uint32Data(Uint32Array.from({ length: rows }, () => random.below(8))),
          x: coordinates(rows, random),
          y: coordinates(rows, random),
          health: coordinates(rows, random),
        }),
      ];
    case 'swap': {
      const swaps = {
        unitId: marked.unitIds(),
        expectedVersion: marked.expectedVersions(),
        x: coordinates(rows, random),
        y: coordinates(rows, random),
      };
      if (!load.perAction) return [arrowStream('unitState', 'compareAndSet', swaps)];
      const actions = arrowStream('actionLog', 'actions', {
        actionId: marked.actionIds(),
        playerId: uint32Data(Uint32Array.from({ length: rows }, () => random.below(8))),
        kind: kindData(rows, random),
        unitIds: emptyLists(rows),
      });
      const action = uint32Data(Uint32Array.from({ length: rows }, (_, i) => i));
      return [actions, arrowStream('unitState', 'compareAndSet', { action, ...swaps })];
    }
  }
}

function uint32Data(data: Uint32Array): Data {
  return makeData({ type: new Uint32(), length: data.length, nullCount: 0, data });
}

function coordinates(length: number, random: Random): Data {
  const data = Float32Array.from({ length }, () => random.unit() * 1024);
  return makeData({ type: new Float32(), length, nullCount: 0, data });
}

function kindData(length: number, random: Random): Data {
  const indices = Uint8Array.from({ length }, () => random.below(orderKinds.length));
  return dictionaryData(orderKinds, indices);
}

function dictionaryData(values: readonly string[], data: Uint8Array): Data {
  const type = new Dictionary(new Utf8(), new Uint8());
  const dictionary = vectorFromArray(values, new Utf8());
  return makeData({ type, length: data.length, nullCount: 0, data, dictionary });
}

/** Two units an action. */
function unitLists(length: number, random: Random): Data {
  const child = uint32Data(Uint32Array.from({ length: length * 2 }, () => random.below(100_000)));
  const valueOffsets = Int32Array.from({ length: length + 1 }, (_, i) => i * 2);
  return listData(length, valueOffsets, child);
}

function emptyLists(length: number): Data {
  return listData(length, new Int32Array(length + 1), uint32Data(new Uint32Array(0)));
}

function listData(length: number, valueOffsets: Int32Array, child: Data): Data {
  const type = new List(new Field('item', new Uint32(), false));
  return makeData({ type, length, nullCount: 0, valueOffsets, child: child as Data<Uint32> });
}

function arrowStream(table: string, op: string, columns: Record<string, Data>): Uint8Array {
  const vectors = Object.entries(columns).map(([name, data]) => [name, new Vector([data])]);
  const { schema, batches } = new Table(Object.fromEntries(vectors));
  const metadata = new Map([
    ['tickloom.table', table],
    ['tickloom.op', op],
  ]);
  const named = new Schema(schema.fields, metadata);
  const writer = new RecordBatchStreamWriter();
  writer.reset(undefined, named);
  for (const batch of batches) writer.write(new RecordBatch(named, batch.data));
  writer.finish();
  return writer.toUint8Array(true);
}

/** In one piece whose streams begin at multiples of 8, so that numbers can be patched in place. */
function joined(streams: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const body = new Uint8Array(streams.reduce((sum, stream) => sum + stream.length, 0));
  let at = 0;
  for (const stream of streams) {
    body.set(stream, at);
    at += stream.length;
  }
  return body;
}

function bytesOf(values: Uint32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

function placeOf(body: Uint8Array, bytes: Uint8Array): number {
  const at = Buffer.from(body.buffer).indexOf(bytes);
  if (at === -1) throw new Error('a column that is to be patched is not in the body');
  return at;
}
