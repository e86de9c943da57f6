import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { parse, validate } from 'graphql';
import { describe, expect, it } from 'vitest';
import { Catalog } from '../../engine/model/catalog.ts';
import { type ErrorCode, errorCategories } from '../../engine/model/errors.ts';
import { limits } from '../../engine/model/limits.ts';
import { classBoundsOf } from '../../resolvers/query-bounds.ts';
import { buildSchema } from '../../schema/build-schema.ts';
import { statusOf } from '../../src/http/status.ts';
import { ashfall } from '../../src/sandbox/ashfall.ts';
import { servingLimits } from '../../src/serving-limits.ts';
import { pageExamples } from '../serve/page-examples.ts';
import { DeclaredTests } from './declared-tests.ts';
import { casesOf, statesIn } from './state-table.ts';

const root = new URL('../../', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), 'utf8');

const known = new Map<string, DeclaredTests>();
function testsOf(path: string): DeclaredTests {
  const tests = known.get(path) ?? new DeclaredTests(read(path), path);
  known.set(path, tests);
  return tests;
}

describe('docs/semantics.md', () => {
  const text = read('docs/semantics.md');

  it('has an example with its answer in every section, and all of them fit the schema of ashfall', () => {
    const schema = buildSchema(new Catalog(ashfall));
    const examples = pageExamples(text);
    const sections = [...text.matchAll(/^## (.*)$/gm)].map(([, name]) => name);
    expect([...new Set(examples.map(({ section }) => section))]).toEqual(sections);
    for (const { body } of examples) {
      const { query } = JSON.parse(body) as { readonly query: string };
      expect(validate(schema, parse(query)).map(({ message }) => message)).toEqual([]);
    }
  });

  it('names tests that exist, for every rule', () => {
    for (const section of text.split(/^## /m).slice(1)) {
      expect(namedTests(section), section.split('\n')[0]).toBeGreaterThan(0);
    }
  });
});

describe('docs/durability.md', () => {
  it('names tests that exist for what it promises', () => {
    expect(namedTests(read('docs/durability.md'))).toBeGreaterThan(4);
  });
});

/** The tests behind `Held by`, whose files and titles must exist; how many files there are. */
function namedTests(text: string): number {
  const held = /^Held by ([\s\S]*?)\.$/m.exec(text)?.[1];
  const references = held?.split(/; (?=`test\/)/) ?? [];
  for (const reference of references) {
    const path = /^`(test\/[^`]+)`/.exec(reference)?.[1] ?? '';
    for (const [, title = ''] of reference.matchAll(/“([^”]+)”/g)) {
      expect(testsOf(path).has(title), `${path}: ${title}`).toBe(true);
    }
  }
  return references.length;
}

describe('docs/limits.md', () => {
  const bounds = { ...limits, ...servingLimits };

  it('lists every bound with its value', () => {
    const rows = [...read('docs/limits.md').matchAll(/^\| `(\w+)` \| ([^|]+) \|/gm)];
    const listed = Object.fromEntries(rows.map(([, name, value]) => [name, value]));
    const actual = Object.entries(bounds).map(([name, value]) => [name, shown(name, value)]);
    expect(listed).toEqual(Object.fromEntries(actual));
  });

  it('tells what a query of each class may use', () => {
    const rows = [...read('docs/limits.md').matchAll(/^\| ([A-Z]+) \| (.+) \|$/gm)];
    expect(rows.map(([, name, bounds]) => [name, bounds])).toEqual(
      (['GAMEPLAY', 'OPERATOR', 'ARCHIVAL'] as const).map((name) => {
        const { timeoutMs, memoryBytesMax, rowsReadMax, threadsMax } = classBoundsOf(name);
        const shownBounds = Object.entries({ timeoutMs, memoryBytesMax, rowsReadMax, threadsMax });
        return [name, shownBounds.map(([bound, value]) => shown(bound, value)).join(' | ')];
      }),
    );
  });

  it('names a test for every bound, which exists and speaks of it', () => {
    const rows = read('docs/limits.md').matchAll(/^\| `(test\/[^`]+)`: “([^”]+)” \| ([^|]+) \|$/gm);
    const held = new Set<string>();
    for (const [, path = '', title = '', names = ''] of rows) {
      const source = read(path);
      expect(testsOf(path).has(title), `${path}: ${title}`).toBe(true);
      for (const [, name = ''] of names.matchAll(/`(\w+)`/g)) {
        expect(source.includes(name), `${path}: ${name}`).toBe(true);
        held.add(name);
      }
    }
    expect([...held].sort()).toEqual(Object.keys(bounds).sort());
  });

  it('has every bound that an answer names', () => {
    const named = ['engine', 'resolvers', 'schema', 'src'].flatMap((house) =>
      readdirSync(new URL(`${house}/`, root), { recursive: true })
        .map(String)
        .filter((path) => path.endsWith('.ts'))
        .flatMap((path) => [...read(`${house}/${path}`).matchAll(/\blimit: ('\w+'|\w+\.\w+)/g)])
        .map(([, name = '']) => name.replaceAll("'", '')),
    );
    expect(named.length).toBeGreaterThan(20);
    expect([...new Set(named)].filter((name) => !(name in bounds))).toEqual([]);
  });

  it('names codes that exist', () => {
    for (const [, code] of read('docs/limits.md').matchAll(/`([A-Z]{3,}_?[A-Z_]*)`/g)) {
      expect(Object.keys(errorCategories)).toContain(code);
    }
  });
});

describe('docs/errors.md', () => {
  it('lists every code with its category and HTTP status', () => {
    const rows = [...read('docs/errors.md').matchAll(/^\| `([A-Z_]+)` \| (\w+) \| (\d+) \|/gm)];
    const listed = Object.fromEntries(rows.map(([, code, ...rest]) => [code, rest.join(' ')]));
    const codes = Object.keys(errorCategories) as ErrorCode[];
    const actual = codes.map((code) => [code, `${errorCategories[code]} ${statusOf(code)}`]);
    expect(listed).toEqual(Object.fromEntries(actual));
  });
});

/** A room's README is read in five minutes; what does not fit stands in `docs/`, figures in `bench/`. */
const readmeWordsMax = 800;

describe('the READMEs of the rooms of the engine and the server', () => {
  const roomsOf = (house: string) =>
    readdirSync(new URL(`${house}/`, root), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => `${house}/${name}`);
  const houses = ['engine', 'schema', 'resolvers', 'src'];
  const rooms = [...houses, ...roomsOf('engine'), ...roomsOf('src')];

  it.each(rooms)('of %s is there, of at most so many words', (room) => {
    const words = read(`${room}/README.md`)
      .split(/\s+/)
      .filter((word) => word !== '');
    expect(words.length).toBeLessThanOrEqual(readmeWordsMax);
  });

  it.each(rooms)('of %s names files and tests that exist, titles included', (room) => {
    const text = read(`${room}/README.md`);
    /** A test without a folder is in that of the room. */
    const testPath = (path: string) =>
      path.includes('/') ? path : `test/${room.split('/').at(-1)}/${path}`;
    const tests = /`((?:test\/[\w./-]+\/)?[\w-]+(?:\.test|-conformance)\.ts)`/g;
    for (const [, path = ''] of text.matchAll(tests)) {
      expect(existsSync(new URL(testPath(path), root)), path).toBe(true);
    }
    for (const [, path] of text.matchAll(/`(test\/[\w./-]+|bench\/[\w./-]+)`/g)) {
      expect(existsSync(new URL(path ?? '', root)), path).toBe(true);
    }
    const titled = new RegExp(`${tests.source}(?:: | \\()((?:"[^"]+"(?:, )?)+)`, 'g');
    for (const [, path = '', titles = ''] of text.matchAll(titled)) {
      for (const [, title = ''] of titles.matchAll(/"([^"]+)"/g)) {
        expect(testsOf(testPath(path)).has(title), `${path}: ${title}`).toBe(true);
      }
    }
    const sources = [...text.matchAll(/`((?:[\w-]+\/)*[\w-]+\.ts)`/g)].map(([, name = '']) => name);
    const files = readdirSync(new URL(`${room}/`, root), { recursive: true }).map(String);
    for (const name of sources.filter((one) => !/(?:\.test|-conformance)\.ts$/.test(one))) {
      const isInRoom = files.some((file) => file === name || file.endsWith(`/${name}`));
      const places = [`engine/${name}`, name];
      const isThere = isInRoom || places.some((place) => existsSync(new URL(place, root)));
      expect(isThere, `${room}/${name}`).toBe(true);
    }
  });
});

function shown(name: string, value: number): string {
  if (/Bytes(Max)?$/.test(name)) {
    for (const [unit, size] of [
      ['GiB', 2 ** 30],
      ['MiB', 2 ** 20],
      ['KiB', 2 ** 10],
    ] as const) {
      if (value % size === 0) return `${value / size} ${unit}`;
    }
  }
  if (name.endsWith('Ms')) return value % 1000 === 0 ? `${value / 1000} s` : `${value} ms`;
  return value.toLocaleString('en-US');
}

describe('plain language', () => {
  const files = (...endings: string[]) =>
    houses
      .flatMap((house) => {
        const inside = readdirSync(new URL(`${house}/`, root), { recursive: true }).map(String);
        return inside.map((path) => `${house}/${path}`);
      })
      .filter((path) => endings.some((ending) => path.endsWith(ending)))
      .filter((path) => !/(?:^|\/)(?:dist|node_modules|results)\//.test(path));
  const houses = [
    'engine',
    'schema',
    'resolvers',
    'src',
    'sdk',
    'importer',
    'bench',
    'test',
    'docs',
  ];

  it('has no table cell that is longer than a sentence or two', () => {
    const cellCharsMax = 250;
    const long = ['README.md', ...files('.md')].flatMap((path) => {
      const rows =
        read(path)
          .replace(/^```[\s\S]*?^```/gm, '')
          .match(/^\|.*$/gm) ?? [];
      const cells = rows.flatMap((row) => row.split('|')).map((cell) => cell.trim());
      return cells.filter(({ length }) => length > cellCharsMax).map((cell) => `${path}: ${cell}`);
    });
    expect(long).toEqual([]);
  });

  it('has no comment that begins with what stands above it', () => {
    const pointing = /^\s*(?:\/\/|\/\*\*|\*) (?:Of|The same|Those|That|As above)\b/;
    const begun = /^\s*(?:\/\/ |\/\*\* |\/\*\*$)/;
    const found = files('.ts', '.mjs').flatMap((path) => {
      const lines = read(path).split('\n');
      return lines
        .filter((line, i) => {
          const isFirst = begun.test(line) || /^\s*\/\*\*$/.test(lines[i - 1] ?? '');
          const isContinued = /^\s*\/\/ /.test(lines[i - 1] ?? '');
          return isFirst && !isContinued && pointing.test(line);
        })
        .map((line) => `${path}: ${line.trim()}`);
    });
    expect(found).toEqual([]);
  });
});

describe('a table of states', () => {
  it.each([
    ['engine/log/README.md', 'States', 'engine/log/commit-log.ts', 'LogState', 'name'],
    ['engine/tick/README.md', 'Admission', 'engine/tick/admit-batch.ts', 'Admission', 'kind'],
    [
      'engine/views/README.md',
      'States of a subscription',
      'engine/views/feeds/subscription.ts',
      'SubscriptionState',
      'name',
    ],
    [
      'sdk/runtime/README.md',
      'A tick in the pipeline',
      'sdk/runtime/tick-pipeline.ts',
      'TickState',
      'name',
    ],
  ])('in %s, "%s", has the states of the code, and no other', (page, heading, source, type, of) => {
    const cases = new Set(casesOf(source, type, of));
    expect(cases.size).toBeGreaterThan(1);
    expect(new Set(statesIn(page, heading))).toEqual(cases);
  });
});

describe('docs/glossary.md', () => {
  it('gives each word one meaning', () => {
    const rows = [...read('docs/glossary.md').matchAll(/^\| ([^|]+) \| ([^|]+) \|$/gm)];
    const words = rows
      .filter(([, word]) => word !== 'word' && !/^-+$/.test(word ?? ''))
      .flatMap(([, word = '']) => word.split(', '));
    expect(words.length).toBeGreaterThan(40);
    expect([...new Set(words)]).toEqual(words);
  });
});
