import type { ByteReader } from './byte-reader.ts';

/** A Lua value as a recording stores it. A table is a map from keys to values, in stored order. */
export type LuaValue = number | string | null | boolean | LuaTable;
export type LuaTable = ReadonlyMap<LuaValue, LuaValue>;

/** Tables deeper than any the game writes; past it the bytes are damage, not data. */
const depthMax = 64;

const numberType = 0;
const stringType = 1;
const nilType = 2;
const booleanType = 3;
const tableType = 4;
const tableEnd = 5;

/** Reads one value. Throws `ReplayError` on anything but a value of types 0 to 4. */
export function readLuaValue(reader: ByteReader, what: string): LuaValue {
  return readValue(reader, reader.u8(`the type of ${what}`), what, 0);
}

/** Reads one value that must be a table. */
export function readLuaTable(reader: ByteReader, what: string): LuaTable {
  const start = reader.offset;
  const value = readLuaValue(reader, what);
  if (isTable(value)) return value;
  reader.offset = start;
  throw reader.error(`${what}, a table`, value === null ? 'nil' : `a ${typeof value}`);
}

export function isTable(value: LuaValue | undefined): value is LuaTable {
  return value instanceof Map;
}

function readValue(reader: ByteReader, type: number, what: string, depth: number): LuaValue {
  switch (type) {
    case numberType:
      return reader.f32(what);
    case stringType:
      return reader.string(what);
    case nilType:
      reader.skip(1, what);
      return null;
    case booleanType:
      return reader.u8(what) !== 0;
    case tableType:
      return readTable(reader, what, depth + 1);
    default:
      reader.offset -= 1;
      throw reader.error(`the type of ${what}, 0 to 4`, `${type}`);
  }
}

function readTable(reader: ByteReader, what: string, depth: number): LuaTable {
  if (depth > depthMax) throw reader.error(`tables at most ${depthMax} deep`, 'a deeper one');
  const table = new Map<LuaValue, LuaValue>();
  for (;;) {
    const type = reader.u8(`the type of a key in ${what}`);
    if (type === tableEnd) return table;
    const key = readValue(reader, type, what, depth);
    const value = readValue(reader, reader.u8(`the type of a value in ${what}`), what, depth);
    table.set(key, value);
  }
}
