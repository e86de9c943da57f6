import { readSchema } from './arrow-schema.ts';
import { openMessage } from './arrow-streams.ts';
import { type ArrowField, type ArrowType, typeName } from './arrow-type.ts';
import { Flatbuffer } from './flatbuffer.ts';

export type ArrowMessage =
  | { readonly kind: 'schema'; readonly fields: readonly ArrowField[] }
  | {
      readonly kind: 'batch';
      readonly metadata: Uint8Array;
      readonly bodyBytes: number;
      /** The body as it comes; to be read before the next message is asked for. */
      body(): AsyncGenerator<Uint8Array>;
    };

/**
 * The messages of an Arrow IPC stream, one after the other, without copying their bodies. Ends at
 * the stream's end mark. Throws for a stream that is cut, and for dictionaries, which no query here
 * asks for.
 */
export async function* readMessages(
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<ArrowMessage> {
  const reader = new ByteReader(chunks);
  try {
    yield* readAll(reader);
  } finally {
    await reader.close();
  }
}

async function* readAll(reader: ByteReader): AsyncGenerator<ArrowMessage> {
  for (;;) {
    const prefix = await reader.read(8);
    const view = new DataView(prefix.buffer, prefix.byteOffset, 8);
    if (view.getUint32(0, true) !== 0xffff_ffff) throw new RangeError('not an Arrow IPC stream');
    const metadataBytes = view.getInt32(4, true);
    if (metadataBytes === 0) break;
    const flatbuffer = await reader.read(metadataBytes);
    const flat = new Flatbuffer(flatbuffer);
    const { kind, header, bodyBytes } = openMessage(flat, 0, metadataBytes);
    if (kind === 'schema') {
      yield { kind, fields: readSchema(flat, header).fields };
    } else if (kind === 'recordBatch') {
      const metadata = new Uint8Array(8 + metadataBytes);
      metadata.set(prefix);
      metadata.set(flatbuffer, 8);
      yield { kind: 'batch', metadata, bodyBytes, body: () => reader.pass(bodyBytes) };
    } else {
      throw new RangeError('an Arrow dictionary was not asked for');
    }
  }
  await reader.drain();
}

/**
 * Asserts that columns laid out for the fields `actual` can be read by `wanted`: same names in the
 * same order, same layout.
 */
export function requireSameLayout(
  actual: readonly ArrowField[],
  wanted: readonly ArrowField[],
): void {
  const [given, asked] = [actual, wanted].map((fields) => fields.map(layoutOf).join());
  if (given !== asked) {
    throw new RangeError(`ClickHouse laid out ${given} where ${asked} was asked`);
  }
}

/** Text and binary are laid out alike, and times in every unit and zone. */
function layoutOf({ name, type }: ArrowField): string {
  const alike = (part: ArrowType): ArrowType => {
    switch (part.kind) {
      case 'binary':
        return { ...part, isText: false };
      case 'timestamp':
        return { ...part, zone: null };
      case 'list':
        return { ...part, item: { ...part.item, type: alike(part.item.type) } };
      default:
        return part;
    }
  };
  return `${name} ${typeName(alike(type))}`;
}

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
