import { describe, expect, it } from 'vitest';
import type { MatchTick } from '../../importer/match.ts';
import { recordedMatch } from '../../importer/recorded/recorded-match.ts';
import {
  advance,
  callback,
  checksum,
  command,
  fafReplay,
  i32,
  infoPair,
  type Lua,
  olderFafReplay,
  order,
  scfaReplay,
  setSource,
  string,
  target,
  twoPlayers,
  u8,
  u32,
} from './replay-writer.ts';

function ticksOf(...commands: Buffer[]): MatchTick[] {
  return [...recordedMatch(scfaReplay(twoPlayers, commands)).ticks()];
}

function actionsOf(...commands: Buffer[]) {
  return ticksOf(setSource(0), ...commands, advance()).flatMap((tick) => tick.actions);
}

const bobsUnit = 2 ** 20 + 5;

describe('a container', () => {
  const replay = scfaReplay(twoPlayers, [
    setSource(0),
    infoPair(1, 'SetPaused', 'true'),
    advance(),
  ]);

  it('may be the replay itself, today’s zstd file or an older zlib file, all alike', () => {
    const plain = recordedMatch(replay);
    for (const file of [fafReplay(replay), olderFafReplay(replay)]) {
      const match = recordedMatch(file);
      expect(match.sessionId).toBe(plain.sessionId);
      expect([...match.ticks()]).toEqual([...plain.ticks()]);
    }
  });

  it('of several zstd blocks is put together again', () => {
    const long = scfaReplay(twoPlayers, [
      setSource(0),
      ...Array.from({ length: 20_000 }, (_, i) => infoPair(i, 'SetPaused', 'true')),
      advance(),
    ]);
    expect(long.length).toBeGreaterThan(3 * 65_536);
    expect([...recordedMatch(fafReplay(long)).ticks()][0]?.actions).toHaveLength(20_000);
  });

  it('gives another session for another content, and the same one for the same', () => {
    const other = scfaReplay(twoPlayers, [setSource(1), infoPair(1, 'SetPaused', 'true')]);
    expect(recordedMatch(other).sessionId).not.toBe(recordedMatch(replay).sessionId);
    expect(recordedMatch(replay).sessionId).toMatch(/^replay-[0-9a-f]{16}$/);
  });
});

describe('ticks', () => {
  it('are as many as the recording advances, empty ones too', () => {
    const ticks = ticksOf(setSource(0), advance(3), infoPair(1, 'SetPaused', 'true'), advance());
    expect(ticks.map((tick) => [tick.tick, tick.actions.length])).toEqual([
      [1, 0],
      [2, 0],
      [3, 0],
      [4, 1],
    ]);
  });

  it('hold what was commanded before their advance, the last one also what came after', () => {
    const pause = (unit: number) => infoPair(unit, 'SetPaused', 'true');
    const ticks = ticksOf(setSource(0), pause(1), advance(), pause(2), advance(), pause(3));
    expect(ticks.map((tick) => tick.actions.map((action) => action.unitIds[0]))).toEqual([
      [1],
      [2, 3],
    ]);
    expect(ticks[1]?.actions.map((action) => action.actionId)).toEqual(['2-0', '2-1']);
  });

  it('read twice are the same', () => {
    const match = recordedMatch(
      scfaReplay(twoPlayers, [setSource(0), order({ units: [1, 2], type: 2 }), advance(2)]),
    );
    expect([...match.ticks()]).toEqual([...match.ticks()]);
  });

  it('end with metrics that say what the match held', () => {
    const ticks = ticksOf(
      setSource(0),
      order({ units: [1, 2], type: 2 }),
      setSource(1),
      infoPair(bobsUnit, 'SetPaused', 'true'),
      checksum(1, '00'.repeat(16)),
      advance(),
      advance(),
    );
    expect(ticks[0]?.metrics).toEqual([]);
    expect(ticks[1]?.metrics).toEqual([
      { name: 'ticks', value: 2 },
      { name: 'actions', value: 2 },
      { name: 'orders', value: 1 },
      { name: 'unitReferences', value: 3 },
      { name: 'distinctUnits', value: 3 },
      { name: 'checksums', value: 1 },
      { name: 'desyncs', value: 0 },
      { name: 'player-0.actions', value: 1 },
      { name: 'player-1.actions', value: 1 },
    ]);
  });
});

describe('players', () => {
  it('are the armies their sources command, whatever the order of sources', () => {
    const replay = scfaReplay(
      { sources: ['Alice', 'Bob'], armies: [{ source: 255 }, { source: 1 }, { source: 0 }] },
      [
        setSource(0),
        infoPair(1, 'SetPaused', 'true'),
        setSource(1),
        infoPair(2, 'SetPaused', 'true'),
      ],
    );
    const match = recordedMatch(replay);
    const actions = [...match.ticks()].flatMap((tick) => tick.actions);
    expect(actions.map((action) => action.playerId)).toEqual([2, 1]);
    expect(match.players).toBe(2);
  });

  it('who only watch have ids past all armies', () => {
    const replay = scfaReplay({ sources: ['Alice', 'Watcher'], armies: [{ source: 0 }] }, [
      setSource(1),
      callback('Ping', {}),
    ]);
    expect([...recordedMatch(replay).ticks()][0]?.actions[0]?.playerId).toBe(2);
  });
});

describe('an order', () => {
  it('becomes a row with its kind, units, target and what else matters', () => {
    expect(
      actionsOf(
        order({
          units: [7, 8, 7],
          type: 8,
          commandId: 42,
          target: { x: 12.5, height: 3, y: 99.25 },
          blueprint: 'ueb0101',
          formation: 1,
        }),
      ),
    ).toEqual([
      {
        actionId: '1-0',
        playerId: 0,
        kind: 'BUILD_MOBILE',
        unitIds: [7, 8, 7],
        targetUnitId: null,
        x: 12.5,
        y: 99.25,
        payload: { commandId: 42, blueprint: 'ueb0101', formation: 1 },
        commandsUnits: true,
      },
    ]);
  });

  it('at a unit names it and no place', () => {
    const [action] = actionsOf(order({ units: [7], type: 10, target: { entity: bobsUnit } }));
    expect(action).toMatchObject({ kind: 'ATTACK', targetUnitId: bobsUnit, x: null, y: null });
  });

  it('to factories, with arguments and a queue flag, keeps all three', () => {
    const [action] = actionsOf(
      order({
        units: [7],
        type: 28,
        toFactories: true,
        argument: { TaskName: 'EnhanceTask', Enhancement: 'Shield' },
        queued: true,
      }),
    );
    expect(action).toMatchObject({
      kind: 'SCRIPT',
      payload: {
        factories: true,
        queued: true,
        arguments: { TaskName: 'EnhanceTask', Enhancement: 'Shield' },
      },
    });
  });

  it('at a place that is no number has no place', () => {
    const at = { x: Number.NaN, height: 0, y: Number.POSITIVE_INFINITY };
    expect(actionsOf(order({ units: [7], type: 2, target: at }))[0]).toMatchObject({
      x: null,
      y: null,
    });
  });
});

describe('every other command', () => {
  it('becomes a row of its own kind', () => {
    const actions = actionsOf(
      infoPair(7, 'SetFireState', '1'),
      command(14, u32(42), i32(2)),
      command(15, u32(42), i32(3)),
      command(16, u32(42), target({ entity: bobsUnit })),
      command(17, u32(42), u32(16)),
      command(18, u32(42), u32(0)),
      command(19, u32(42), u32(7)),
      callback('Rebuild', { entity: '1048580', Clear: true }, [7, 8]),
      command(2),
      command(4),
      command(5),
      command(6),
      command(23),
      command(20, string('cheat')),
    );
    expect(actions.map(({ kind, unitIds, payload }) => ({ kind, unitIds, payload }))).toEqual([
      { kind: 'TOGGLE', unitIds: [7], payload: { name: 'SetFireState', value: '1' } },
      { kind: 'COUNT', unitIds: [], payload: { commandId: 42, delta: 2 } },
      { kind: 'COUNT', unitIds: [], payload: { commandId: 42, delta: -3 } },
      { kind: 'RETARGET', unitIds: [], payload: { commandId: 42, change: 'target' } },
      {
        kind: 'RETARGET',
        unitIds: [],
        payload: { commandId: 42, change: 'type', order: 'PATROL' },
      },
      { kind: 'RETARGET', unitIds: [], payload: { commandId: 42, change: 'cells' } },
      { kind: 'DEQUEUE', unitIds: [7], payload: { commandId: 42 } },
      {
        kind: 'CALLBACK',
        unitIds: [7, 8],
        payload: { name: 'Rebuild', arguments: { entity: '1048580', Clear: true } },
      },
      ...['SourceEnded', 'Pause', 'Resume', 'SingleStep', 'EndGame', 'DebugCommand'].map(
        (name) => ({
          kind: 'CALLBACK',
          unitIds: [],
          payload: { name },
        }),
      ),
    ]);
    expect(actions[3]?.targetUnitId).toBe(bobsUnit);
  });

  it('but the checksum, which becomes a snapshot, the same report only once', () => {
    const [tick] = ticksOf(
      setSource(0),
      checksum(50, 'ab'.repeat(16)),
      checksum(50, 'ab'.repeat(16)),
      setSource(1),
      checksum(50, 'ab'.repeat(16)),
      advance(),
    );
    expect(tick?.actions).toEqual([]);
    expect(tick?.snapshots).toEqual([
      { source: 'player-0', checksum: 'ab'.repeat(16), ofTick: 50 },
      { source: 'player-1', checksum: 'ab'.repeat(16), ofTick: 50 },
    ]);
  });
});

describe('what players typed', () => {
  const typed = [
    callback(
      'GiveResourcesToPlayer',
      { From: 1, To: -1, Mass: 0, Sender: 'Alice', Msg: { to: 'all', text: 'gl hf' } },
      [7],
    ),
    callback('ModeratorEvent', { From: 1, Message: 'Alice did' }),
    callback('SpawnPing', { Type: 'Marker', Name: 'Alice', Location: [1, 2, 3], Color: 'Alice' }),
    callback('SpawnPing', { Type: 'Marker', Name: '4' }),
    infoPair(7, 'CustomName', 'Alice'),
    infoPair(7, 'CustomName', '4'),
    infoPair(7, 'SomethingNew', 'Alice'),
  ];

  it('is dropped, names and chat alike, and the rows stay', () => {
    const actions = actionsOf(...typed);
    expect(actions.map((action) => action.payload)).toEqual([
      { name: 'GiveResourcesToPlayer', chat: true },
      { name: 'ModeratorEvent', arguments: { From: 1 } },
      { name: 'SpawnPing', arguments: { Type: 'Marker', Location: [1, 2, 3] } },
      { name: 'SpawnPing', arguments: { Type: 'Marker' } },
      { name: 'CustomName' },
      { name: 'CustomName' },
      { name: 'SomethingNew' },
    ]);
    expect(JSON.stringify(actions)).not.toMatch(/Alice|gl hf/);
  });

  it('is kept where it is asked for', () => {
    const replay = scfaReplay(twoPlayers, [setSource(0), ...typed, advance()]);
    const text = JSON.stringify([...recordedMatch(replay, 'keep').ticks()]);
    expect(text).toContain('gl hf');
    expect(text).toContain('Alice did');
  });

  it('cannot change what a payload is by a strange key', () => {
    const [action] = actionsOf(callback('Odd', { ['__proto__']: 5, constructor: 6 }));
    expect(JSON.stringify(action?.payload)).toBe(
      '{"name":"Odd","arguments":{"__proto__":5,"constructor":6}}',
    );
  });
});

describe('bytes that are not what they should be', () => {
  const good = scfaReplay(twoPlayers, [setSource(0), order({ units: [1], type: 2 }), advance()]);
  const refused = (...commands: Buffer[]) =>
    expect(() => recordedMatch(scfaReplay(twoPlayers, commands)));
  const body = scfaReplay(twoPlayers, []).length;

  it('are named by offset and by what was expected', () => {
    refused(setSource(0), command(99)).toThrow(
      `at byte ${body + 4} of the replay, expected an opcode, 0 to 23, found 99`,
    );
    refused(setSource(7)).toThrow('expected a source below 2, found 7');
    refused(infoPair(1, 'SetPaused', 'true')).toThrow('expected a source before the first command');
    refused(setSource(0), order({ units: [1], type: 40 })).toThrow('an order type, 0 to 39');
    refused(setSource(0), command(16, u32(1), u8(3))).toThrow("a target's type, 0 to 2");
    refused(setSource(0), command(12, u32(4_000_000_000))).toThrow('at most 0 units');
    refused(setSource(0), command(11, u32(1), Buffer.from('no end'))).toThrow('a zero byte');
    refused(setSource(0), command(4, u8(1))).toThrow('the end of a lifecycle command');
    refused(advance(4_000_000_000)).toThrow('at most 600 ticks');
    refused(Buffer.from([4, 2, 0])).toThrow("a command's length, 3 to 3, found 2");
    refused(Buffer.from([4, 9, 0])).toThrow("a command's length, 3 to 3, found 9");
    refused(setSource(0), callback('Deep', nested(65))).toThrow('tables at most 64 deep');
  });

  it('in the container say so', () => {
    const refusedFile = (file: Buffer) => expect(() => recordedMatch(file));
    refusedFile(Buffer.alloc(0)).toThrow('expected a recording, found an empty file');
    refusedFile(Buffer.from('{"no":"end"}')).toThrow('found no line end');
    refusedFile(Buffer.from('{not json}\nxx')).toThrow('text that is not JSON');
    refusedFile(Buffer.from('{"compression":"brotli"}\nxx')).toThrow('found "brotli"');
    refusedFile(Buffer.from('{"compression":"zstd"}\nnothing of the kind')).toThrow('a zstd frame');
    refusedFile(fafReplay(good).subarray(0, -9)).toThrow('expected a whole zstd frame');
    refusedFile(Buffer.from('{}\n!!!!')).toThrow('base64 of a length and a zlib stream');
    refusedFile(olderFafReplay(good).subarray(0, -40)).toThrow('base64 of a zlib stream');
    refusedFile(Buffer.from('Forged Alliance\0')).toThrow('begins "Supreme Commander"');
  });

  it('that claim to be huge are refused before they are', () => {
    const claim = Buffer.concat([
      Buffer.from('{"compression":"zstd"}\n'),
      u32(0xfd2fb528),
      u8(0xa0),
      u32(4_000_000_000),
      Buffer.alloc(64),
    ]);
    expect(() => recordedMatch(claim)).toThrow('a replay of at most');
  });
});

function nested(depth: number): Lua {
  let value: Lua = {};
  for (let i = 1; i < depth; i++) value = { inner: value };
  return value;
}
