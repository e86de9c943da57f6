import { createHash } from 'node:crypto';
import type { Match, MatchAction, MatchSnapshot, MatchTick } from '../match.ts';
import { withMetrics } from '../match-counts.ts';
import { playerIds, playerName } from '../players.ts';
import { ByteReader } from './byte-reader.ts';
import { type Command, type IssuedOrder, readCommands, type Target } from './commands.ts';
import { type ReplayHeader, readHeader } from './header.ts';
import { argumentPayload, callbackPayload, infoValue, type TextPolicy } from './payload.ts';
import { ReplayError } from './replay-error.ts';
import { openReplayFile } from './replay-file.ts';

/** A minute of play: the game advances by one, so more at once is damage. */
const advanceTicksMax = 600;
/** Eleven days of play. */
const matchTicksMax = 10_000_000;

/**
 * A recording as a match. The n-th tick that the recording advances is tick n, and holds the
 * commands recorded since the tick before; those after the last advance belong to the last tick.
 *
 * The whole file is read and checked here: a damaged one throws `ReplayError` before anything of
 * it could be committed.
 */
export function recordedMatch(file: Uint8Array, text: TextPolicy = 'drop'): Match {
  const replay = openReplayFile(file);
  const reader = new ByteReader(replay);
  const header = readHeader(reader);
  const commandsStart = reader.offset;
  const players = header.armies.filter((army) => army.source !== null).length;
  let tickCount = 0;
  for (const _ of readTicks(replay, commandsStart, header, text)) tickCount += 1;
  return {
    sessionId: `replay-${createHash('sha256').update(replay).digest('hex').slice(0, 16)}`,
    description: `a recording of ${players} players`,
    players,
    tickCount,
    ticks: () => withMetrics(readTicks(replay, commandsStart, header, text)),
    blueprintOf: () => null,
  };
}

function* readTicks(
  replay: Uint8Array,
  commandsStart: number,
  header: ReplayHeader,
  text: TextPolicy,
): Generator<MatchTick> {
  const ids = playerIds(header);
  const checksumsSeen = new Set<string>();
  let playerId: number | null = null;
  let ticks = 0;
  /** The last tick advanced, kept back for the commands after the last advance. */
  let held: OpenTick | null = null;
  let open = new OpenTick();
  for (const command of readCommands(replay, commandsStart)) {
    switch (command.type) {
      case 'source':
        playerId = playerOf(command.source, ids, command.offset);
        break;
      case 'advance':
        if (command.ticks > advanceTicksMax || ticks + command.ticks > matchTicksMax) {
          const expected = `at most ${advanceTicksMax} ticks to advance`;
          throw new ReplayError('replay', command.offset, expected, `${command.ticks}`);
        }
        for (let i = 0; i < command.ticks; i++) {
          if (held) yield held.close(ticks);
          ticks += 1;
          held = open;
          open = new OpenTick();
        }
        break;
      case 'checksum': {
        const source = playerName(required(playerId, command));
        const key = `${command.tick} ${source}`;
        if (checksumsSeen.has(key)) break;
        checksumsSeen.add(key);
        const checksum = Buffer.from(command.checksum).toString('hex');
        open.snapshots.push({ source, checksum, ofTick: command.tick });
        break;
      }
      default:
        open.actions.push(toAction(command, required(playerId, command), text));
    }
  }
  if (held) {
    held.actions.push(...open.actions);
    held.snapshots.push(...open.snapshots);
    yield held.close(ticks);
  } else if (open.actions.length + open.snapshots.length > 0) {
    yield open.close(1);
  }
}

type ActionFields = Omit<MatchAction, 'actionId'>;

/** A tick whose commands are still being gathered. */
class OpenTick {
  readonly actions: ActionFields[] = [];
  readonly snapshots: MatchSnapshot[] = [];

  close(tick: number): MatchTick {
    const actions = this.actions.map((action, seq) => ({ actionId: `${tick}-${seq}`, ...action }));
    return { tick, actions, snapshots: this.snapshots, metrics: [] };
  }
}

function playerOf(source: number, ids: readonly number[], offset: number): number {
  const playerId = ids[source];
  if (playerId !== undefined) return playerId;
  throw new ReplayError('replay', offset, `a source below ${ids.length}`, `${source}`);
}

function required(playerId: number | null, command: Command): number {
  if (playerId !== null) return playerId;
  const expected = 'a source before the first command';
  throw new ReplayError('replay', command.offset, expected, `a ${command.type} command`);
}

type Rowed = Exclude<Command, { type: 'advance' | 'source' | 'checksum' }>;

/** How each command becomes a row; the README's table says the same for readers. */
function toAction(command: Rowed, playerId: number, text: TextPolicy): ActionFields {
  const bare = { playerId, unitIds: [], ...noTarget, commandsUnits: false };
  switch (command.type) {
    case 'order':
      return {
        ...bare,
        kind: command.order,
        unitIds: command.units,
        ...targetColumns(command.target),
        payload: orderPayload(command, text),
        commandsUnits: true,
      };
    case 'infoPair': {
      const value = infoValue(command.name, command.value, text);
      const payload = value === null ? { name: command.name } : { name: command.name, value };
      return { ...bare, kind: 'TOGGLE', unitIds: [command.unit], payload };
    }
    case 'count':
      return {
        ...bare,
        kind: 'COUNT',
        payload: { commandId: command.commandId, delta: command.delta },
      };
    case 'retarget': {
      const payload = { commandId: command.commandId, change: 'target' };
      return { ...bare, kind: 'RETARGET', ...targetColumns(command.target), payload };
    }
    case 'retype': {
      const payload = { commandId: command.commandId, change: 'type', order: command.order };
      return { ...bare, kind: 'RETARGET', payload };
    }
    case 'cells':
      return {
        ...bare,
        kind: 'RETARGET',
        payload: { commandId: command.commandId, change: 'cells' },
      };
    case 'dequeue':
      return {
        ...bare,
        kind: 'DEQUEUE',
        unitIds: [command.unit],
        payload: { commandId: command.commandId },
      };
    case 'callback':
      return {
        ...bare,
        kind: 'CALLBACK',
        unitIds: command.units,
        payload: callbackPayload(command.name, command.argument, text),
      };
    case 'lifecycle':
    case 'debug':
      return { ...bare, kind: 'CALLBACK', payload: { name: command.name } };
  }
}

const noTarget = { targetUnitId: null, x: null, y: null } as const;

function targetColumns(target: Target): Pick<MatchAction, 'targetUnitId' | 'x' | 'y'> {
  switch (target.type) {
    case 'none':
      return noTarget;
    case 'entity':
      return { ...noTarget, targetUnitId: target.entity };
    case 'place':
      return { ...noTarget, x: finite(target.x), y: finite(target.y) };
  }
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

function orderPayload(order: IssuedOrder, text: TextPolicy): MatchAction['payload'] {
  const argument = argumentPayload(order.argument, text);
  return {
    commandId: order.commandId,
    ...(order.toFactories ? { factories: true } : {}),
    ...(order.blueprint === '' ? {} : { blueprint: order.blueprint }),
    ...(order.formation === null ? {} : { formation: order.formation }),
    ...(order.queued === null ? {} : { queued: order.queued }),
    ...(argument === null || isEmpty(argument) ? {} : { arguments: argument }),
  };
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}
