import {
  Field,
  List,
  RecordBatch,
  RecordBatchStreamWriter,
  Schema,
  Table,
  Uint32,
  Utf8,
  vectorFromArray,
} from 'apache-arrow';

/** A body of the commit endpoint: `moves` MOVE actions, each of which upserts one unit. */
export async function arrowTick(tick: number, moves: number): Promise<Uint8Array> {
  const index = Array.from({ length: moves }, (_, i) => i);
  const actions = {
    actionId: vectorFromArray(
      index.map((i) => `${tick}-${i}`),
      new Utf8(),
    ),
    playerId: vectorFromArray(
      index.map(() => 1),
      new Uint32(),
    ),
    kind: vectorFromArray(
      index.map(() => 'MOVE'),
      new Utf8(),
    ),
    unitIds: vectorFromArray(
      index.map((i) => [i]),
      new List(new Field('item', new Uint32(), false)),
    ),
  };
  const upserts = {
    action: vectorFromArray(index, new Uint32()),
    unitId: vectorFromArray(index, new Uint32()),
    ownerId: vectorFromArray(
      index.map(() => 1),
      new Uint32(),
    ),
  };
  const parts = [
    await stream('actionLog', 'actions', new Table(actions)),
    await stream('unitState', 'upsert', new Table(upserts)),
  ];
  return Buffer.concat(parts);
}

async function stream(table: string, op: string, content: Table): Promise<Uint8Array> {
  const schema = new Schema(
    content.schema.fields,
    new Map([
      ['tickloom.table', table],
      ['tickloom.op', op],
    ]),
  );
  const writer = new RecordBatchStreamWriter();
  writer.reset(undefined, schema);
  for (const batch of content.batches) writer.write(new RecordBatch(schema, batch.data));
  writer.finish();
  return writer.toUint8Array();
}
