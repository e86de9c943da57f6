import { type OrderKind, orderKinds } from '../order-kind.ts';
import { ByteReader } from './byte-reader.ts';
import { type LuaValue, readLuaValue } from './lua-value.ts';

/** One command of a recording, decoded. `offset` is where it begins in the replay. */
export type Command = { readonly offset: number } & CommandBody;

export type CommandBody =
  | { readonly type: 'advance'; readonly ticks: number }
  | { readonly type: 'source'; readonly source: number }
  | { readonly type: 'checksum'; readonly checksum: Uint8Array; readonly tick: number }
  | { readonly type: 'lifecycle'; readonly name: LifecycleName }
  | {
      readonly type: 'infoPair';
      readonly unit: number;
      readonly name: string;
      readonly value: string;
    }
  | ({ readonly type: 'order' } & IssuedOrder)
  | { readonly type: 'count'; readonly commandId: number; readonly delta: number }
  | { readonly type: 'retarget'; readonly commandId: number; readonly target: Target }
  | { readonly type: 'retype'; readonly commandId: number; readonly order: OrderKind | null }
  | { readonly type: 'cells'; readonly commandId: number }
  | { readonly type: 'dequeue'; readonly commandId: number; readonly unit: number }
  | {
      readonly type: 'callback';
      readonly name: string;
      readonly argument: LuaValue;
      readonly units: readonly number[];
    }
  /** Debugging and cheats: the name is all that is kept of them. */
  | { readonly type: 'debug'; readonly name: DebugName };

export type LifecycleName = 'SourceEnded' | 'Pause' | 'Resume' | 'SingleStep' | 'EndGame';
export type DebugName =
  | 'CreateUnit'
  | 'CreateProp'
  | 'DestroyEntity'
  | 'WarpEntity'
  | 'DebugCommand'
  | 'ExecuteLua';

export interface IssuedOrder {
  readonly toFactories: boolean;
  readonly units: readonly number[];
  readonly commandId: number;
  readonly order: OrderKind;
  readonly target: Target;
  /** Null where the units keep no formation. */
  readonly formation: number | null;
  /** What to build, where the order is to build; else empty. */
  readonly blueprint: string;
  readonly argument: LuaValue;
  /** Whether the order goes to the queue's end; null where the recording does not say. */
  readonly queued: boolean | null;
}

export type Target =
  | { readonly type: 'none' }
  | { readonly type: 'entity'; readonly entity: number }
  /** On the ground plane; `height` is above it. */
  | { readonly type: 'place'; readonly x: number; readonly height: number; readonly y: number };

const commandHeaderBytes = 3;

/**
 * The commands of a replay from `offset` (where the header ends), one by one. Each is decoded
 * within its own length, so damage in one is an error there and never a misread of the next.
 * Throws `ReplayError`.
 */
export function* readCommands(replay: Uint8Array, offset: number): Generator<Command> {
  const frame = new ByteReader(replay, offset);
  while (frame.remaining > 0) {
    const start = frame.offset;
    const opcode = frame.u8('an opcode');
    const length = frame.u16("a command's length");
    if (length < commandHeaderBytes || length - commandHeaderBytes > frame.remaining) {
      frame.offset = start + 1;
      const most = Math.min(frame.remaining - 2 + commandHeaderBytes, 0xffff);
      throw frame.error(`a command's length, 3 to ${most}`, `${length}`);
    }
    const body = new ByteReader(replay, frame.offset, start + length);
    const command = readBody(opcode, body, start);
    if (body.remaining > 0) {
      throw body.error(`the end of a ${command.type} command`, `${body.remaining} more bytes`);
    }
    frame.offset = start + length;
    yield { offset: start, ...command };
  }
}

function readBody(opcode: number, body: ByteReader, start: number): CommandBody {
  switch (opcode) {
    case 0:
      return { type: 'advance', ticks: body.u32('ticks to advance') };
    case 1:
      return { type: 'source', source: body.u8('a source') };
    case 2:
      return { type: 'lifecycle', name: 'SourceEnded' };
    case 3:
      return {
        type: 'checksum',
        checksum: body.bytes(16, 'a checksum'),
        tick: body.u32("a checksum's tick"),
      };
    case 4:
      return { type: 'lifecycle', name: 'Pause' };
    case 5:
      return { type: 'lifecycle', name: 'Resume' };
    case 6:
      return { type: 'lifecycle', name: 'SingleStep' };
    case 7:
      return debug('CreateUnit', body);
    case 8:
      return debug('CreateProp', body);
    case 9:
      return debug('DestroyEntity', body);
    case 10:
      return debug('WarpEntity', body);
    case 11:
      return {
        type: 'infoPair',
        unit: body.u32('a unit'),
        name: body.string("an info pair's name"),
        value: body.string("an info pair's value"),
      };
    case 12:
      return readOrder(body, false);
    case 13:
      return readOrder(body, true);
    case 14:
    case 15: {
      const commandId = body.u32('a command id');
      const amount = body.i32('a change of count');
      return { type: 'count', commandId, delta: opcode === 14 ? amount : 0 - amount };
    }
    case 16:
      return {
        type: 'retarget',
        commandId: body.u32('a command id'),
        target: readTarget(body),
      };
    case 17: {
      const commandId = body.u32('a command id');
      return { type: 'retype', commandId, order: orderKinds[body.u32('an order type')] ?? null };
    }
    case 18: {
      const commandId = body.u32('a command id');
      body.skip(body.remaining, 'cells');
      return { type: 'cells', commandId };
    }
    case 19:
      return {
        type: 'dequeue',
        commandId: body.u32('a command id'),
        unit: body.u32('a unit'),
      };
    case 20:
      return debug('DebugCommand', body);
    case 21:
      return debug('ExecuteLua', body);
    case 22:
      return {
        type: 'callback',
        name: body.string("a callback's name"),
        argument: readLuaValue(body, "a callback's argument"),
        units: body.remaining > 0 ? body.u32List('units') : [],
      };
    case 23:
      return { type: 'lifecycle', name: 'EndGame' };
    default:
      body.offset = start;
      throw body.error('an opcode, 0 to 23', `${opcode}`);
  }
}

function debug(name: DebugName, body: ByteReader): CommandBody {
  body.skip(body.remaining, name);
  return { type: 'debug', name };
}

function readOrder(body: ByteReader, toFactories: boolean): CommandBody {
  const units = body.u32List('units');
  const commandId = body.u32('a command id');
  body.skip(4, 'four bytes after the command id');
  const order = readOrderKind(body);
  body.skip(4, 'four bytes after the order type');
  const target = readTarget(body);
  body.skip(1, 'a byte after the target');
  const formation = body.i32('a formation');
  if (formation !== noFormation) body.skip(5 * 4, "a formation's place and scale");
  const blueprint = body.string('a blueprint');
  body.skip(12, 'twelve bytes after the blueprint');
  const argument = readLuaValue(body, "an order's argument");
  const queued = body.remaining > 0 ? body.u8('a queue flag') !== 0 : null;
  return {
    type: 'order',
    toFactories,
    units,
    commandId,
    order,
    target,
    formation: formation === noFormation ? null : formation,
    blueprint,
    argument,
    queued,
  };
}

const noFormation = -1;

function readOrderKind(body: ByteReader): OrderKind {
  const type = body.u8('an order type');
  const kind = orderKinds[type];
  if (kind !== undefined) return kind;
  body.offset -= 1;
  throw body.error(`an order type, 0 to ${orderKinds.length - 1}`, `${type}`);
}

function readTarget(body: ByteReader): Target {
  const type = body.u8("a target's type");
  switch (type) {
    case 0:
      return { type: 'none' };
    case 1:
      return { type: 'entity', entity: body.u32("a target's entity") };
    case 2:
      return {
        type: 'place',
        x: body.f32("a target's x"),
        height: body.f32("a target's height"),
        y: body.f32("a target's y"),
      };
    default:
      body.offset -= 1;
      throw body.error("a target's type, 0 to 2", `${type}`);
  }
}
