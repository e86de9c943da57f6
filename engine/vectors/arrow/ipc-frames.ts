import type { Field } from 'apache-arrow/fb/field';
import { Message } from 'apache-arrow/fb/message';
import { MessageHeader } from 'apache-arrow/fb/message-header';
import { Schema } from 'apache-arrow/fb/schema';
import { Type } from 'apache-arrow/fb/type';
import { ByteBuffer } from 'flatbuffers';
import type { ArrowField, ArrowType } from './wire-field.ts';

export type ArrowFrame =
  | { readonly kind: 'schema'; readonly message: Message }
  | {
      readonly kind: 'batch';
      readonly metadata: Uint8Array;
      readonly bodyBytes: number;
      /** The body as it comes; to be read before the next frame is asked for. */
      body(): AsyncGenerator<Uint8Array>;
    };

/**
 * The messages of an Arrow IPC stream, one after the other, without copying their bodies. Ends at
 * the stream's end mark. Throws for a stream that is cut, and for dictionaries, which no query here
 * asks for.
 */
export async function* readFrames(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<ArrowFrame> {
  const reader = new ByteReader(chunks);
  try {
    yield* readAll(reader);
  } finally {
    await reader.close();
  }
}

async function* readAll(reader: ByteReader): AsyncGenerator<ArrowFrame> {
  for (;;) {
    const prefix = await reader.read(8);
    const view = new DataView(prefix.buffer, prefix.byteOffset, 8);
    if (view.getUint32(0, true) !== 0xffff_ffff) throw new RangeError('not an Arrow IPC stream');
    const metadataBytes = view.getInt32(4, true);
    if (metadataBytes === 0) break;
    const flatbuffer = await reader.read(metadataBytes);
    const message = Message.getRootAsMessage(new ByteBuffer(flatbuffer));
    const bodyBytes = Number(message.bodyLength());
    switch (message.headerType()) {
      case MessageHeader.Schema:
        yield { kind: 'schema', message };
        break;
      case MessageHeader.RecordBatch: {
        const metadata = new Uint8Array(8 + metadataBytes);
        metadata.set(prefix);
        metadata.set(flatbuffer, 8);
        yield { kind: 'batch', metadata, bodyBytes, body: () => reader.pass(bodyBytes) };
        break;
      }
      default:
        throw new RangeError(`an Arrow message of type ${message.headerType()} was not asked for`);
    }
  }
  await reader.drain();
}

/**
 * Asserts that columns laid out for `message`'s schema can be read by `fields`: same names in the
 * same order, same layout. Text and binary are laid out alike.
 */
export function requireSameLayout(message: Message, fields: readonly ArrowField[]): void {
  const schema: Schema = message.header(new Schema());
  const actual: string[] = [];
  for (let i = 0; i < schema.fieldsLength(); i++) {
    const field = schema.fields(i);
    if (field) actual.push(`${field.name()} ${layoutOf(field)}`);
  }
  const wanted = fields.map((field) => `${field.name} ${wantedLayout(field.type)}`);
  if (actual.join() !== wanted.join()) {
    throw new RangeError(`ClickHouse laid out ${actual.join()} where ${wanted.join()} was asked`);
  }
}

function layoutOf(field: Field): string {
  const type = field.typeType();
  if (type === Type.Utf8 || type === Type.Binary) return 'text';
  if (type !== Type.List) return Type[type];
  const item = field.children(0);
  return `List<${item ? layoutOf(item) : '?'}>`;
}

function wantedLayout(type: ArrowType): string {
  switch (type.id) {
    case 'utf8':
    case 'binary':
      return 'text';
    case 'list':
      return `List<${wantedLayout(type.item.type)}>`;
    default:
      return layoutNames[type.id];
  }
}

const layoutNames = {
  int: 'Int',
  float: 'FloatingPoint',
  bool: 'Bool',
  fixedBinary: 'FixedSizeBinary',
  timestampMs: 'Timestamp',
} as const;

class ByteReader {
  readonly #source: AsyncIterator<Uint8Array>;
  #chunk: Uint8Array = new Uint8Array(0);

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#source = chunks[Symbol.asyncIterator]();
  }

  /** Exactly so many bytes, in memory of their own. */
  async read(count: number): Promise<Uint8Array> {
    const out = new Uint8Array(count);
    for (let at = 0; at < count; ) {
      if (this.#chunk.byteLength === 0) {
        const { value, done } = await this.#source.next();
        if (done) throw new RangeError('the Arrow stream ends in the middle of a message');
        this.#chunk = value;
      }
      const taken = this.#chunk.subarray(0, count - at);
      out.set(taken, at);
      at += taken.byteLength;
      this.#chunk = this.#chunk.subarray(taken.byteLength);
    }
    return out;
  }

  /** The next bytes, in pieces as they came. */
  async *pass(count: number): AsyncGenerator<Uint8Array> {
    for (let left = count; left > 0; ) {
      if (this.#chunk.byteLength === 0) {
        const { value, done } = await this.#source.next();
        if (done) throw new RangeError('the Arrow stream ends in the middle of a message');
        this.#chunk = value;
      }
      const taken = this.#chunk.subarray(0, left);
      this.#chunk = this.#chunk.subarray(taken.byteLength);
      left -= taken.byteLength;
      yield taken;
    }
  }

  /** Reads to the end, so that an error there is not missed. */
  async drain(): Promise<void> {
    while (!(await this.#source.next()).done);
  }

  async close(): Promise<void> {
    await this.#source.return?.();
  }
}
