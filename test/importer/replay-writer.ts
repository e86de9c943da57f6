import { deflateSync } from 'node:zlib';

/** Writes recordings byte by byte as data/README.md describes them: the parser's counterpart. */

export type Lua = number | string | null | boolean | { readonly [key: string]: Lua } | Lua[];

export interface WrittenArmy {
  readonly source: number;
  readonly options?: Lua;
}

export interface WrittenHeader {
  readonly sources: readonly string[];
  readonly armies: readonly WrittenArmy[];
  readonly mods?: Lua;
  readonly scenario?: Lua;
}

export const twoPlayers: WrittenHeader = {
  sources: ['Alice', 'Bob'],
  armies: [{ source: 0 }, { source: 1 }, { source: 255, options: { Civilian: true } }],
};

export function u8(value: number): Buffer {
  return Buffer.from([value]);
}
export function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}
export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
export function i32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
}
export function f32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return bytes;
}
export function string(text: string): Buffer {
  return Buffer.concat([Buffer.from(text, 'utf8'), u8(0)]);
}

export function lua(value: Lua): Buffer {
  if (value === null) return Buffer.from([2, 0]);
  switch (typeof value) {
    case 'number':
      return Buffer.concat([u8(0), f32(value)]);
    case 'string':
      return Buffer.concat([u8(1), string(value)]);
    case 'boolean':
      return Buffer.from([3, value ? 1 : 0]);
    case 'object': {
      const pairs = Array.isArray(value)
        ? value.map((item, i) => Buffer.concat([lua(i + 1), lua(item)]))
        : Object.entries(value).map(([key, item]) => Buffer.concat([lua(key), lua(item)]));
      return Buffer.concat([u8(4), ...pairs, u8(5)]);
    }
  }
}

function sized(part: Buffer): Buffer {
  return Buffer.concat([u32(part.length), part]);
}

export function header(content: WrittenHeader): Buffer {
  return Buffer.concat([
    string('Supreme Commander v1.50.3812'),
    Buffer.from([0x0d, 0x0a, 0]),
    string('Replay v1.9\r\n/maps/test/test.scmap'),
    Buffer.from([0x0d, 0x0a, 0x1a, 0]),
    sized(lua(content.mods ?? {})),
    sized(lua(content.scenario ?? { Options: { Share: 'FullShare' } })),
    u8(content.sources.length),
    ...content.sources.flatMap((name, id) => [string(name), u32(id)]),
    u8(0),
    u8(content.armies.length),
    ...content.armies.flatMap((army) => [
      sized(lua(army.options ?? { Human: true, Team: 2 })),
      u8(army.source),
      army.source === 255 ? Buffer.alloc(0) : u8(255),
    ]),
    u32(77),
  ]);
}

export function command(opcode: number, ...body: readonly Buffer[]): Buffer {
  const bytes = Buffer.concat(body);
  return Buffer.concat([u8(opcode), u16(bytes.length + 3), bytes]);
}

export const advance = (ticks = 1): Buffer => command(0, u32(ticks));
export const setSource = (source: number): Buffer => command(1, u8(source));
export const checksum = (tick: number, hex: string): Buffer =>
  command(3, Buffer.from(hex, 'hex'), u32(tick));
export const infoPair = (unit: number, name: string, value: string): Buffer =>
  command(11, u32(unit), string(name), string(value));

export type WrittenTarget =
  | { readonly entity: number }
  | { readonly x: number; readonly height: number; readonly y: number }
  | null;

export function target(at: WrittenTarget): Buffer {
  if (at === null) return u8(0);
  if ('entity' in at) return Buffer.concat([u8(1), u32(at.entity)]);
  return Buffer.concat([u8(2), f32(at.x), f32(at.height), f32(at.y)]);
}

export interface WrittenOrder {
  readonly units: readonly number[];
  readonly type: number;
  readonly commandId?: number;
  readonly target?: WrittenTarget;
  readonly formation?: number;
  readonly blueprint?: string;
  readonly argument?: Lua;
  readonly queued?: boolean;
  readonly toFactories?: boolean;
}

export function order(written: WrittenOrder): Buffer {
  const formation = written.formation ?? -1;
  return command(
    written.toFactories ? 13 : 12,
    u32(written.units.length),
    ...written.units.map(u32),
    u32(written.commandId ?? 1),
    i32(-1),
    u8(written.type),
    i32(-1),
    target(written.target ?? null),
    u8(0),
    i32(formation),
    formation === -1 ? Buffer.alloc(0) : Buffer.concat([1, 0, 0, 0, 1].map(f32)),
    string(written.blueprint ?? ''),
    Buffer.alloc(12),
    lua(written.argument ?? {}),
    written.queued === undefined ? Buffer.alloc(0) : u8(written.queued ? 1 : 0),
  );
}

export function callback(name: string, argument: Lua, units: readonly number[] = []): Buffer {
  const list = units.length === 0 ? [] : [u32(units.length), ...units.map(u32)];
  return command(22, string(name), lua(argument), ...list);
}

export function scfaReplay(content: WrittenHeader, commands: readonly Buffer[]): Buffer {
  return Buffer.concat([header(content), ...commands]);
}

/** A `.fafreplay` as it is written today, its zstd frame of blocks stored as they are. */
export function fafReplay(replay: Buffer): Buffer {
  const line = `${JSON.stringify({ uid: 1, compression: 'zstd', version: 2 })}\n`;
  return Buffer.concat([Buffer.from(line), zstdStored(replay)]);
}

/** A `.fafreplay` as it was written before zstd. */
export function olderFafReplay(replay: Buffer): Buffer {
  const size = Buffer.alloc(4);
  size.writeUInt32BE(replay.length);
  const packed = Buffer.concat([size, deflateSync(replay)]).toString('base64');
  return Buffer.from(`${JSON.stringify({ uid: 1 })}\n${packed}`);
}

/** RFC 8878: magic, single segment with a 4-byte size, raw blocks. */
export function zstdStored(content: Buffer): Buffer {
  const blocks: Buffer[] = [];
  for (let start = 0; start < content.length; start += 65_536) {
    const block = content.subarray(start, start + 65_536);
    const last = start + 65_536 >= content.length ? 1 : 0;
    const blockHeader = (block.length << 3) | last;
    blocks.push(u16(blockHeader & 0xffff), u8(blockHeader >>> 16), block);
  }
  return Buffer.concat([u32(0xfd2fb528), u8(0xa0), u32(content.length), ...blocks]);
}
