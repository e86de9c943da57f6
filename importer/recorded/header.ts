import type { ByteReader } from './byte-reader.ts';
import { type LuaTable, readLuaTable, readLuaValue } from './lua-value.ts';

/** What a recording says about its match before the first command. */
export interface ReplayHeader {
  readonly gameVersion: string;
  readonly replayVersion: string;
  readonly map: string;
  readonly cheats: boolean;
  readonly seed: number;
  readonly sources: readonly ReplaySource[];
  readonly armies: readonly ReplayArmy[];
}

/** A client whose commands are recorded: a player or an observer. */
export interface ReplaySource {
  readonly name: string;
  readonly id: number;
}

export interface ReplayArmy {
  /** Index into `sources`; null for an army no client commands (civilians, computer players). */
  readonly source: number | null;
  readonly human: boolean;
  readonly civilian: boolean;
  readonly team: number | null;
}

const noSource = 255;

/** Reads the header; afterwards `reader` stands at the first command. */
export function readHeader(reader: ByteReader): ReplayHeader {
  const gameVersion = reader.string('the game version');
  if (!gameVersion.startsWith('Supreme Commander')) {
    reader.offset = 0;
    throw reader.error('a version string that begins "Supreme Commander"', describe(gameVersion));
  }
  reader.skip(3, 'three bytes after the version');
  const [replayVersion = '', map = ''] = reader.string('replay version and map').split('\r\n');
  reader.skip(4, 'four bytes after the map');
  readSized(reader, 'the mods', () => readLuaValue(reader, 'the mods'));
  readSized(reader, 'the scenario', () => readLuaValue(reader, 'the scenario'));
  const sourceCount = reader.u8('the number of sources');
  const sources: ReplaySource[] = [];
  for (let i = 0; i < sourceCount; i++) {
    sources.push({ name: reader.string('a source name'), id: reader.u32('a source id') });
  }
  const cheats = reader.u8('the cheats flag') !== 0;
  const armyCount = reader.u8('the number of armies');
  const armies: ReplayArmy[] = [];
  for (let i = 0; i < armyCount; i++) armies.push(readArmy(reader, sourceCount));
  const seed = reader.u32('the random seed');
  return { gameVersion, replayVersion, map, cheats, seed, sources, armies };
}

function readArmy(reader: ByteReader, sourceCount: number): ReplayArmy {
  const options = readSized(reader, 'an army', () => readLuaTable(reader, 'an army'));
  const source = reader.u8("an army's source");
  if (source !== noSource && source >= sourceCount) {
    reader.offset -= 1;
    throw reader.error(`a source below ${sourceCount}, or 255 for none`, `${source}`);
  }
  if (source !== noSource) reader.skip(1, "the byte after an army's source");
  return {
    source: source === noSource ? null : source,
    human: options.get('Human') === true,
    civilian: options.get('Civilian') === true,
    team: numberOf(options, 'Team'),
  };
}

function numberOf(table: LuaTable, key: string): number | null {
  const value = table.get(key);
  return typeof value === 'number' ? value : null;
}

/** A u32 size and a part of exactly that size. */
function readSized<T>(reader: ByteReader, what: string, read: () => T): T {
  const size = reader.u32(`the size of ${what}`);
  const start = reader.offset;
  const value = read();
  if (reader.offset - start !== size) {
    const read = reader.offset - start;
    reader.offset = start;
    throw reader.error(`${what} of ${size} bytes`, `one of ${read}`);
  }
  return value;
}

function describe(text: string): string {
  return text.length > 24 ? `${JSON.stringify(text.slice(0, 24))}…` : JSON.stringify(text);
}
