import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import polars from 'nodejs-polars';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ExportRequest } from '../../engine/columns/column-queries.ts';
import type { OpenColumnStore } from '../../engine/columns/open-column-store.ts';
import { unmarkedFooter, withBytesColumns } from '../../engine/columns/parquet-footer.ts';
import { Catalog } from '../../engine/model/catalog.ts';
import { limits } from '../../engine/model/limits.ts';
import { asLsn } from '../../engine/model/position.ts';
import type { Row, Scalar, ScalarKind } from '../../engine/model/types.ts';
import { testTicket } from '../ticket.ts';
import { fabricate, manifest } from './fabricate.ts';
import { openEmbedded, ship, temporaryDirectory } from './stores.ts';

/** A kind without parts; `parts.test.ts` holds the exports of those with parts. */
type PlainKind = Exclude<ScalarKind, 'vec3'>;

/** Two values of each kind, and how Arrow and Parquet call the kind. */
const kinds: Readonly<
  Record<PlainKind, { readonly values: readonly [Scalar, Scalar]; readonly type: string }>
> = {
  bool: { values: [true, false], type: 'bool' },
  i8: { values: [-128, 127], type: 'int8' },
  i16: { values: [-32_768, 32_767], type: 'int16' },
  i32: { values: [-(2 ** 31), 2 ** 31 - 1], type: 'int32' },
  i64: { values: [-(2n ** 63n), 2n ** 63n - 1n], type: 'int64' },
  u8: { values: [0, 255], type: 'uint8' },
  u16: { values: [0, 65_535], type: 'uint16' },
  u32: { values: [0, 2 ** 32 - 1], type: 'uint32' },
  u64: { values: [0n, 2n ** 64n - 1n], type: 'uint64' },
  f32: { values: [-0.5, 1.25], type: 'float' },
  f64: { values: [-1e308, 0.1], type: 'double' },
  string: { values: ['ümläut \u{1F600}', ''], type: 'string' },
  enum: { values: ['RED', 'GREEN'], type: 'string' },
  uuid: {
    values: ['123e4567-e89b-12d3-a456-426614174000', '00000000-0000-0000-0000-0000000000ff'],
    type: 'string',
  },
  timestamp: { values: [1_700_000_000_123, -1], type: 'timestamp[ms, tz=UTC]' },
  json: { values: ['{"a":[1,null]}', '"ü"'], type: 'string' },
  bytes: { values: [Uint8Array.of(0, 255, 254, 10), Uint8Array.of()], type: 'binary' },
};
const names = Object.keys(kinds) as PlainKind[];
const listed = names.filter((kind) => kind !== 'json');

const enumValues = (kind: ScalarKind) => (kind === 'enum' ? ['RED', 'GREEN'] : []);
const catalog = new Catalog({
  ...manifest,
  tables: manifest.tables.map((table) =>
    table.name === 'facts'
      ? {
          ...table,
          columns: [
            ...names.flatMap((kind) => [
              { name: kind, kind, optional: false, list: false, values: enumValues(kind) },
              { name: `${kind}Maybe`, kind, optional: true, list: false, values: enumValues(kind) },
            ]),
            ...listed.map((kind) => {
              const list = { kind, optional: false, list: true, values: enumValues(kind) };
              return { name: `${kind}List`, ...list };
            }),
          ],
        }
      : table,
  ),
});

const facts = [0, 1].map((i): Row => {
  const entries = names.flatMap((kind): [string, Row[string]][] => {
    const { values } = kinds[kind];
    return [
      [kind, values[i] as Scalar],
      [`${kind}Maybe`, i === 0 ? (values[1] as Scalar) : null],
    ];
  });
  const lists = listed.map((kind): [string, Row[string]] => [
    `${kind}List`,
    i === 0 ? kinds[kind].values : [],
  ]);
  return Object.fromEntries([...entries, ...lists]);
});

const directory = temporaryDirectory();
let store: OpenColumnStore;

beforeAll(async () => {
  store = await openEmbedded(directory.path, { catalog });
  await ship(store, [fabricate({ lsn: 1, events: { facts } }, catalog)]);
});
afterAll(async () => {
  await store.close();
  directory.remove();
});

type Format = ExportRequest['format'];
const formats: readonly Format[] = ['ARROW_STREAM', 'ARROW_FILE', 'PARQUET'];
const extensions = { ARROW_STREAM: 'arrows', ARROW_FILE: 'arrow', PARQUET: 'parquet' } as const;

async function fileOf(
  format: Format,
  compression: ExportRequest['compression'] = 'NONE',
  columns: readonly string[] | null = null,
): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of await store.export(testTicket, {
    source: { kind: 'table', table: 'facts', where: null, columns },
    format,
    compression,
    sinceLsn: null,
    asOfLsn: asLsn(1),
  })) {
    chunks.push(chunk);
  }
  const path = join(directory.path, `${compression}-${columns?.length ?? 0}.${extensions[format]}`);
  mkdirSync(directory.path, { recursive: true });
  writeFileSync(path, Buffer.concat(chunks));
  return path;
}

/** Values as the readers of `readers.py` print them. */
function printed(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (typeof value === 'bigint') return String(value);
  if (Array.isArray(value)) return value.map(printed);
  return value ?? null;
}

const python = process.env.TICKLOOM_TEST_PYTHON ?? 'python3';
const hasPython = (() => {
  try {
    execFileSync(python, ['-c', 'import pyarrow, polars, duckdb'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

function readBy(reader: string, path: string): { types: Record<string, string>; rows: unknown[] } {
  const script = join(import.meta.dirname, 'readers.py');
  return JSON.parse(execFileSync(python, [script, reader, path], { encoding: 'utf8' }));
}

const declared = [...catalog.table('facts').columns.map((column) => column.name)];
const expectedRows = facts.map((row) => declared.map((name) => printed(row[name])));

it('as Parquet says which columns are bytes, for Polars in Node', async () => {
  const frame = polars.readParquet(
    await fileOf('PARQUET', 'NONE', ['bytes', 'string', 'bytesMaybe', 'bytesList', 'stringList']),
  );
  expect(frame.height).toBe(facts.length);
  expect(frame.getColumn('string').toArray()).toEqual(kinds.string.values);
  // Its JavaScript shows no values of bytes, and shows those of text.
  expect(() => frame.getColumn('bytes').toArray()).toThrow('Binary');
});

describe('a Parquet file with columns of bytes', () => {
  const read = async (chunks: AsyncIterable<Uint8Array>) => {
    const parts: Uint8Array[] = [];
    for await (const chunk of withBytesColumns(chunks, new Set(['bytes']))) parts.push(chunk);
    return Buffer.concat(parts);
  };

  it('has the footer that ClickHouse wrote, but for the marks', async () => {
    const file = readFileSync(await fileOf('PARQUET'));
    const length = file.readUInt32LE(file.length - 8);
    const footer = file.subarray(file.length - 8 - length, -8);
    expect(unmarkedFooter(footer, new Set()).equals(footer)).toBe(true);
    const unmarked = unmarkedFooter(footer, new Set(['string', 'enumList']));
    expect(unmarked.length).toBeLessThan(footer.length);
    expect(unmarkedFooter(unmarked, new Set(['string', 'enumList'])).equals(unmarked)).toBe(true);
  });

  it('is the same however it arrives', async () => {
    const file = readFileSync(await fileOf('PARQUET'));
    for (const size of [1, 7, 1_000, file.length]) {
      const arrived = await read(
        (async function* () {
          for (let at = 0; at < file.length; at += size) yield file.subarray(at, at + size);
        })(),
      );
      expect(arrived.equals(file)).toBe(true);
    }
  });

  it('is refused past the bound of its footer, and where it is cut short', async () => {
    const end = Buffer.alloc(8, 'PAR1');
    end.writeUInt32LE(limits.parquetFooterBytesMax + 1);
    const large = async function* () {
      for (let i = 0; i < 17; i++) yield new Uint8Array(1024 * 1024);
      yield end;
    };
    await expect(read(large())).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' });
    const short = async function* () {
      yield Buffer.from('PAR1');
    };
    await expect(read(short())).rejects.toThrow('cut short');
  });
});

describe.skipIf(!hasPython)('an export of every kind, read in Python', () => {
  it.each(formats)('has the types and values of the manifest for pyarrow: %s', async (format) => {
    const { types, rows } = readBy('pyarrow', await fileOf(format));
    for (const kind of names) {
      expect(types[kind]).toBe(kinds[kind].type);
      expect(types[`${kind}Maybe`]).toBe(kinds[kind].type);
      if (kind !== 'json') expect(types[`${kind}List`]).toContain(`: ${kinds[kind].type}`);
    }
    expect(rows).toEqual(expectedRows);
  });

  it.each(
    formats.flatMap((format) =>
      (['NONE', 'LZ4', 'ZSTD'] as const).map((compression) => [format, compression] as const),
    ),
  )('is read whole by Polars and pyarrow: %s, %s', async (format, compression) => {
    const path = await fileOf(format, compression);
    expect(readBy('polars', path).rows).toEqual(expectedRows);
    expect(readBy('pyarrow', path).rows).toEqual(expectedRows);
  });

  it.each(['NONE', 'LZ4', 'ZSTD'] as const)('as Parquet is read by DuckDB: %s', async (codec) => {
    const { types, rows } = readBy('duckdb', await fileOf('PARQUET', codec));
    expect(types).toMatchObject({ bytes: 'BLOB', bytesList: 'BLOB[]', string: 'VARCHAR' });
    expect(rows).toEqual(expectedRows);
  });
});
