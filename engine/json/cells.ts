import { EngineError } from '../model/errors.ts';
import { textNestsDeeper } from '../model/json-depth.ts';
import { holdsExactNumbers } from '../model/json-number.ts';
import { limits } from '../model/limits.ts';
import type { ColumnDefinition, Scalar } from '../model/types.ts';
import { coerceScalar } from '../query/coerce-scalar.ts';
import type { ColumnMemory } from '../vectors/column-memory.ts';
import type { ColumnVector } from '../vectors/column-vector.ts';
import { bigIntegerRanges, integerRanges } from '../vectors/vector-builder.ts';
import type { BodyText } from './body-text.ts';
import { CellStore } from './cell-store.ts';
import { closeBracket, type JsonCursor, openBracket, parseJson, quote } from './json-cursor.ts';
import { NameTable } from './name-table.ts';
import { notTaken } from './not-taken.ts';
import type { Member } from './object-reader.ts';
import type { Scratch } from './scratch.ts';

/**
 * Reads the values of one column from JSON, taking what GraphQL takes of the column's type and the
 * engine of the column, and makes of it what they make of it.
 */
export class Cells implements Member {
  readonly column: ColumnDefinition;
  readonly #form: Form;
  readonly #low: number;
  readonly #high: number;
  readonly #enumNames: NameTable | null;
  readonly #element: Cells | null;
  readonly #store: CellStore;
  /** Elements in all, where these are the elements of a list. */
  #length = 0;
  /** The value read last was not null. */
  #held = false;

  /**
   * @param written the column as clients write it
   * @param column the column as it is stored, where that is another: what is added to a column
   */
  constructor(scratch: Scratch, written: ColumnDefinition, column: ColumnDefinition = written) {
    this.column = column;
    this.#form = formOf(written.kind);
    // Clients write integers as GraphQL's Int; what is stored wider need not fit the column.
    const [low, high] = integerRanges[column.kind] ?? anyInt;
    this.#low = low;
    this.#high = high;
    this.#enumNames = written.kind === 'enum' ? new NameTable(written.values) : null;
    const element = { ...column, list: false, optional: false };
    this.#element = column.list ? new Cells(scratch, element) : null;
    this.#store = new CellStore(column, scratch);
  }

  /** Reads the value that comes next, of that row. Rows come in order; some may be left out. */
  read(json: JsonCursor, text: BodyText, row: number): void {
    json.peek();
    this.#held = !json.isNull();
    if (this.#held) {
      if (this.#element !== null) this.#readList(this.#element, json, text, row);
      else this.#readValue(json, text, row);
    } else if (!this.column.optional) throw notTaken;
  }

  /** Cells for the values that `take` copies. */
  another(scratch: Scratch): Cells {
    return new Cells(scratch, this.column);
  }

  /** The number of the first row. */
  get firstNumber(): number {
    return this.#store.firstNumber;
  }

  /** Copies the value that `staged` has read last, as that row's. */
  take(staged: Cells, row: number): void {
    if (staged.#held) this.#store.take(staged.#store, row);
  }

  /** Forgets the values of the tick before; it had `rows` rows at most. */
  clear(rows: number): void {
    this.#store.clear(rows);
    if (this.#element !== null) this.#element.#length = 0;
  }

  /** The first `rows` rows as a vector. */
  seal(memory: ColumnMemory, text: BodyText, rows: number): ColumnVector {
    const element = this.#element;
    if (element === null) return this.#store.seal(memory, text, rows);
    return this.#store.sealList(memory, rows, element.#store.seal(memory, text, element.#length));
  }

  #readList(element: Cells, json: JsonCursor, text: BodyText, row: number): void {
    json.expect(openBracket);
    const start = element.#length;
    if (!json.closes(closeBracket)) {
      do {
        if (element.#length - start === limits.listElementsMax) throw notTaken;
        json.peek();
        element.#readValue(json, text, element.#length++);
      } while (json.more(closeBracket));
    }
    this.#store.setPair(row, start, element.#length);
  }

  #readValue(json: JsonCursor, text: BodyText, row: number): void {
    switch (this.#form) {
      case forms.int: {
        const value = json.int();
        if (value < this.#low || value > this.#high) throw notTaken;
        this.#store.setNumber(row, value);
        return;
      }
      case forms.float: {
        const value = json.number();
        if (!Number.isFinite(value)) throw notTaken;
        this.#store.setNumber(row, value);
        return;
      }
      case forms.enum: {
        json.plainText();
        const names = this.#enumNames as NameTable;
        this.#store.setNumber(row, names.indexOf(json.bytes, json.from, json.to));
        return;
      }
      case forms.bool:
        this.#store.setNumber(row, json.boolean() ? 1 : 0);
        return;
      case forms.text:
        json.text();
        // A value has no more bytes than its text in the body has.
        if (json.to - json.from > limits.valueBytesMax) throw notTaken;
        if (json.escaped) {
          const value = json.textValue();
          if (!value.isWellFormed()) throw notTaken;
          this.#add(row, text, Buffer.from(value));
        } else this.#store.setPair(row, json.from, json.to);
        return;
      case forms.wide:
        this.#readWide(json, row);
        return;
      case forms.uuid: {
        json.plainText();
        const at = text.addUuid(json.from, json.to);
        this.#store.setPair(row, at, at + 16);
        return;
      }
      case forms.timestamp:
        this.#setWide(row, this.#coerced(json) as number);
        return;
      case forms.bytes:
        this.#add(row, text, this.#coerced(json) as Uint8Array);
        return;
      case forms.json:
        this.#readJson(json, text, row);
    }
  }

  /** A number that is exact, or a text of digits. */
  #readWide(json: JsonCursor, row: number): void {
    if (json.bytes[json.at] !== quote) {
      const value = json.number();
      if (!Number.isSafeInteger(value)) throw notTaken;
      this.#setWide(row, value);
      return;
    }
    json.plainText();
    const digits = json.textValue();
    if (!/^-?\d{1,20}$/.test(digits)) throw notTaken;
    const value = BigInt(digits);
    const [low, high] = bigIntegerRanges[this.column.kind] as readonly [bigint, bigint];
    if (value < low || value > high) throw notTaken;
    const lowWord = Number(BigInt.asIntN(32, value));
    this.#store.setPair(row, lowWord, Number(BigInt.asIntN(32, value >> 32n)));
  }

  /** Sets a whole number within 2^53. */
  #setWide(row: number, value: number): void {
    if (value < 0 && this.column.kind === 'u64') throw notTaken;
    this.#store.setPair(row, value | 0, Math.floor(value / 2 ** 32));
  }

  /** What the engine makes of a text. */
  #coerced(json: JsonCursor): Scalar {
    json.plainText();
    try {
      return coerceScalar(this.column, json.textValue(), '');
    } catch (error) {
      throw error instanceof EngineError ? notTaken : error;
    }
  }

  /** Any JSON, stored in the form that `JSON.stringify` gives it. */
  #readJson(json: JsonCursor, text: BodyText, row: number): void {
    const { at } = json;
    json.skip();
    const written = json.bytes.toString('utf8', at, json.at);
    if (textNestsDeeper(written, limits.jsonDepthMax)) throw notTaken;
    const value = parseJson(written);
    if (!holdsExactNumbers(value)) throw notTaken;
    this.#add(row, text, Buffer.from(JSON.stringify(value)));
  }

  #add(row: number, text: BodyText, bytes: Uint8Array): void {
    if (bytes.length > limits.valueBytesMax) throw notTaken;
    const at = text.add(bytes);
    this.#store.setPair(row, at, at + bytes.length);
  }
}

const anyInt = [-(2 ** 31), 2 ** 31 - 1] as const;

/** How the values of a kind are written. */
const forms = {
  int: 0,
  float: 1,
  enum: 2,
  bool: 3,
  text: 4,
  wide: 5,
  uuid: 6,
  timestamp: 7,
  bytes: 8,
  json: 9,
} as const;
type Form = (typeof forms)[keyof typeof forms];

function formOf(kind: ColumnDefinition['kind']): Form {
  switch (kind) {
    case 'f32':
    case 'f64':
      return forms.float;
    case 'i64':
    case 'u64':
      return forms.wide;
    case 'string':
      return forms.text;
    case 'enum':
    case 'bool':
    case 'uuid':
    case 'timestamp':
    case 'bytes':
    case 'json':
      return forms[kind];
    default:
      return forms.int;
  }
}
