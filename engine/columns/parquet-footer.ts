import { EngineError } from '../model/errors.ts';
import { limits } from '../model/limits.ts';

/**
 * A Parquet file of ClickHouse's whose columns `names` are bytes. ClickHouse knows one type for text
 * and bytes, and marks all of them as text, or none; readers refuse text that is no UTF-8. Only the
 * footer says which is which, so the marks are taken out there, and nothing else of the file changes.
 *
 * ```
 * PAR1 │ row groups …                    │ footer: schema, row groups │ its length, u32 │ PAR1
 *      ┊ handed on, but for the last     ┊ `parquetFooterBytesMax`, held until the end ┊
 * ```
 *
 * Rejected: libraries that read a footer to an object and write it anew drop what they do not know.
 */
export async function* withBytesColumns(
  file: AsyncIterable<Uint8Array>,
  names: ReadonlySet<string>,
): AsyncGenerator<Uint8Array> {
  const held: Uint8Array[] = [];
  let heldBytes = 0;
  for await (const chunk of file) {
    held.push(chunk);
    heldBytes += chunk.byteLength;
    while (held[0] && heldBytes - held[0].byteLength >= limits.parquetFooterBytesMax + tailBytes) {
      heldBytes -= held[0].byteLength;
      yield held.shift() as Uint8Array;
    }
  }
  const end = Buffer.concat(held, heldBytes);
  if (end.byteLength < tailBytes) throw new RangeError('a Parquet file that is cut short');
  const footerBytes = end.readUInt32LE(end.length - tailBytes);
  if (footerBytes > limits.parquetFooterBytesMax) {
    throw new EngineError(
      'LIMIT_EXCEEDED',
      `the footer of this Parquet file has ${footerBytes} bytes, ${limits.parquetFooterBytesMax} at most; export fewer columns or rows`,
      { details: { limit: 'parquetFooterBytesMax', max: limits.parquetFooterBytesMax } },
    );
  }
  const footerStart = end.byteLength - tailBytes - footerBytes;
  if (footerStart < 0) throw new RangeError('a Parquet file that is cut short');
  const footer = unmarkedFooter(end.subarray(footerStart, footerStart + footerBytes), names);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(footer.byteLength);
  yield Buffer.concat([end.subarray(0, footerStart), footer, length, end.subarray(end.length - 4)]);
}

/** The footer's length and "PAR1". */
const tailBytes = 8;

/** Parts of the structs `FileMetaData` and `SchemaElement` of Parquet's `parquet.thrift`. */
const schemaField = 2;
const element = { type: 1, name: 4, children: 5, convertedType: 6, logicalType: 10 } as const;
const byteArrayType = 6;

/** The footer, its text marks on the leaves of these columns left out. */
export function unmarkedFooter(footer: Buffer, names: ReadonlySet<string>): Buffer {
  const reader = new CompactReader(footer);
  for (let id = 0; ; ) {
    const field = reader.fieldHeader(id);
    if (field === null) throw new RangeError('a Parquet footer without a schema');
    if (field.id === schemaField) break;
    reader.skip(field.type);
    id = field.id;
  }
  const count = reader.listHeader().size;
  const written: Buffer[] = [footer.subarray(0, reader.at)];
  /** The children that are yet to come of each element on the way from the root. */
  const open: number[] = [];
  let column = '';
  for (let i = 0; i < count; i++) {
    const fields = reader.structFields();
    const numberOf = (id: number) => fields.find((field) => field.id === id)?.number ?? null;
    if (open.length === 1) column = fields.find(({ id }) => id === element.name)?.text ?? '';
    const isMarked = names.has(column) && numberOf(element.type) === byteArrayType;
    written.push(
      structOf(
        isMarked
          ? fields.filter(({ id }) => id !== element.convertedType && id !== element.logicalType)
          : fields,
      ),
    );
    const last = open.length - 1;
    if (last >= 0) open[last] = (open[last] as number) - 1;
    open.push(numberOf(element.children) ?? 0);
    while (open.at(-1) === 0) open.pop();
  }
  return Buffer.concat([...written, footer.subarray(reader.at)]);
}

interface StructField {
  readonly id: number;
  readonly type: number;
  /** The field's bytes as they are written. */
  readonly value: Buffer;
  /** The value of a 32-bit integer; null for a field of another type. */
  readonly number: number | null;
  /** The text of a binary; null for a field of another type. */
  readonly text: string | null;
}

/** Fields begin with the distance from the one before, which is another where one was left out. */
function structOf(fields: readonly StructField[]): Buffer {
  const parts: Buffer[] = [];
  let before = 0;
  for (const { id, type, value } of fields) {
    parts.push(Buffer.of(((id - before) << 4) | type), value);
    before = id;
  }
  return Buffer.concat([...parts, Buffer.of(0)]);
}

/** Types of Thrift's compact protocol: "Thrift Compact protocol encoding", thrift-compact-protocol.md. */
const compact = {
  ...{ true: 1, false: 2, byte: 3, i16: 4, i32: 5, i64: 6, double: 7 },
  ...{ binary: 8, list: 9, set: 10, map: 11, struct: 12 },
} as const;

class CompactReader {
  readonly #bytes: Buffer;
  at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** Null at the struct's end. */
  fieldHeader(before: number): { readonly id: number; readonly type: number } | null {
    const byte = this.#byte();
    if (byte === 0) return null;
    const distance = byte >> 4;
    return { id: distance === 0 ? this.#signed() : before + distance, type: byte & 0x0f };
  }

  listHeader(): { readonly size: number; readonly type: number } {
    const byte = this.#byte();
    const short = byte >> 4;
    return { size: short === 15 ? this.#unsigned() : short, type: byte & 0x0f };
  }

  structFields(): StructField[] {
    const fields: StructField[] = [];
    for (let before = 0; ; ) {
      const field = this.fieldHeader(before);
      if (field === null) return fields;
      const start = this.at;
      this.skip(field.type);
      const value = this.#bytes.subarray(start, this.at);
      const parts = new CompactReader(value);
      fields.push({
        ...field,
        value,
        number: field.type === compact.i32 ? parts.#signed() : null,
        text: field.type === compact.binary ? parts.#text() : null,
      });
      before = field.id;
    }
  }

  skip(type: number): void {
    switch (type) {
      case compact.true:
      case compact.false:
        return;
      case compact.byte:
        this.at += 1;
        return;
      case compact.i16:
      case compact.i32:
      case compact.i64:
        this.#unsigned();
        return;
      case compact.double:
        this.at += 8;
        return;
      case compact.binary: {
        const length = this.#unsigned();
        this.at += length;
        return;
      }
      case compact.list:
      case compact.set: {
        const { size, type: item } = this.listHeader();
        for (let i = 0; i < size; i++) this.#skipItem(item);
        return;
      }
      case compact.map: {
        const size = this.#unsigned();
        if (size === 0) return;
        const types = this.#byte();
        for (let i = 0; i < size; i++) {
          this.#skipItem(types >> 4);
          this.#skipItem(types & 0x0f);
        }
        return;
      }
      case compact.struct:
        for (let before = 0; ; ) {
          const field = this.fieldHeader(before);
          if (field === null) return;
          this.skip(field.type);
          before = field.id;
        }
      default:
        throw new RangeError(`a Parquet footer with a field of type ${type}`);
    }
  }

  /** Within a list true and false have a byte each. */
  #skipItem(type: number): void {
    if (type === compact.true || type === compact.false) this.at += 1;
    else this.skip(type);
  }

  #text(): string {
    const length = this.#unsigned();
    return this.#bytes.toString('utf8', this.at, this.at + length);
  }

  #signed(): number {
    const value = this.#unsigned();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  #unsigned(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.#byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  }

  #byte(): number {
    const byte = this.#bytes[this.at++];
    if (byte === undefined) throw new RangeError('a Parquet footer that is cut short');
    return byte;
  }
}
