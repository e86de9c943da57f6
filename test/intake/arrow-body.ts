import { RecordBatch, RecordBatchStreamWriter, Schema, Table, type Vector } from 'apache-arrow';

/** One Arrow stream of a commit body, as a client of the commit endpoint writes it. */
export function arrowStream(
  table: string,
  op: string,
  content: Table | Record<string, Vector>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const { schema, batches } = content instanceof Table ? content : new Table(content);
  const named = new Schema(
    schema.fields,
    new Map([['tickloom.table', table], ['tickloom.op', op], ...Object.entries(metadata)]),
  );
  const writer = new RecordBatchStreamWriter();
  writer.reset(undefined, named);
  for (const batch of batches) writer.write(new RecordBatch(named, batch.data));
  writer.finish();
  return writer.toUint8Array(true);
}

export function arrowBody(...streams: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(streams));
}
