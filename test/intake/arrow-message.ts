import { Builder } from 'flatbuffers';

export interface MessageOf {
  /** 1 schema, 2 dictionary, 3 record batch. */
  readonly type: number;
  readonly version?: number;
  readonly bodyBytes?: bigint;
  /** Writes the header's table: a slot of 16 bits each. */
  readonly slots?: Readonly<Record<number, number>>;
  /** Slots of empty tables, whose being there says something. */
  readonly tables?: readonly number[];
}

/** A message of Arrow's IPC format with a header that no writer makes. */
export function arrowMessage(of: MessageOf): Uint8Array {
  const builder = new Builder(256);
  const tables = (of.tables ?? []).map((slot) => {
    builder.startObject(0);
    return [slot, builder.endObject()] as const;
  });
  builder.startObject(8);
  for (const [slot, value] of Object.entries(of.slots ?? {})) {
    builder.addFieldInt16(Number(slot), value, 0);
  }
  for (const [slot, table] of tables) builder.addFieldOffset(slot, table, 0);
  const header = builder.endObject();
  builder.startObject(5);
  builder.addFieldInt16(0, of.version ?? 4, 0);
  builder.addFieldInt8(1, of.type, 0);
  builder.addFieldOffset(2, header, 0);
  builder.addFieldInt64(3, of.bodyBytes ?? 0n, 0n);
  builder.finish(builder.endObject());
  const metadata = builder.asUint8Array();
  const bytes = new Uint8Array(8 + ((metadata.length + 7) & ~7));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0xffff_ffff, true);
  view.setInt32(4, bytes.length - 8, true);
  bytes.set(metadata, 8);
  return bytes;
}

export const endMark = Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0);

/** The messages of one stream, the end mark left out. */
export function messagesOf(stream: Uint8Array): Uint8Array[] {
  const view = new DataView(stream.buffer, stream.byteOffset, stream.byteLength);
  const messages: Uint8Array[] = [];
  let at = 0;
  for (;;) {
    const metadataBytes = view.getInt32(at + 4, true);
    if (metadataBytes === 0) return messages;
    const end = at + 8 + metadataBytes + bodyBytes(stream.subarray(at + 8, at + 8 + metadataBytes));
    messages.push(stream.slice(at, end));
    at = end;
  }
}

function bodyBytes(metadata: Uint8Array): number {
  const view = new DataView(metadata.buffer, metadata.byteOffset, metadata.byteLength);
  const table = view.getUint32(0, true);
  const vtable = table - view.getInt32(table, true);
  const slot = 3;
  if (4 + slot * 2 >= view.getUint16(vtable, true)) return 0;
  const offset = view.getUint16(vtable + 4 + slot * 2, true);
  return offset === 0 ? 0 : Number(view.getBigInt64(table + offset, true));
}
