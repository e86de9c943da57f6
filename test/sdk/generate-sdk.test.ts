import { fileURLToPath } from 'node:url';
import { generateSdk } from '@tickloom/sdk/generate';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { ashfall } from '../../src/sandbox/ashfall.ts';
import { describedTitle } from '../manifest/described-title.ts';

/** As it comes over HTTP: plain JSON. */
const manifest = JSON.parse(JSON.stringify(ashfall));
const command = 'npx vitest run test/sdk/generate-sdk.test.ts --update';
const root = fileURLToPath(new URL('../../', import.meta.url));

function column(name: string, kind: string, more: object = {}) {
  return { name, kind, optional: false, list: false, values: [], ...more };
}

const everyKind = [
  ...['bool', 'i8', 'i16', 'i32', 'i64', 'u8', 'u16', 'u32', 'u64', 'f32', 'f64'],
  ...['string', 'uuid', 'timestamp', 'json', 'bytes'],
];

/** Every kind, optional and as a list; names that the client has for itself. */
const awkward = {
  format: 1,
  title: 'odd-title',
  version: 7,
  tables: [
    { name: 'commands', kind: 'action', key: [], indexes: [], columns: [] },
    {
      name: 'action',
      kind: 'event',
      key: [],
      indexes: [],
      columns: everyKind.flatMap((kind) => [
        column(`${kind}One`, kind),
        column(`${kind}Maybe`, kind, { optional: true }),
        column(`${kind}Many`, kind, { list: true }),
      ]),
    },
    {
      name: 'session',
      kind: 'state',
      key: ['mood', 'big'],
      indexes: [],
      columns: [
        column('mood', 'enum', { values: ["it's fine", 'back\\slash'] }),
        column('big', 'u64'),
      ],
    },
  ],
  views: [
    {
      name: 'position',
      kind: 'group',
      from: 'action',
      groupBy: ['sessionId', 'boolOne'],
      tickWindow: 10,
      columns: [
        { name: 'total', aggregate: { op: 'sum', column: 'i32One' } },
        { name: 'least', aggregate: { op: 'min', column: 'timestampOne', where: {} } },
      ],
    },
  ],
  roles: [],
};

/** Problems of strict TypeScript in generated source, and what checking it costs. */
function compile(source: string): { problems: string[]; instantiations: number } {
  const file = `${root}test/sdk/generated.ts`;
  const options: ts.CompilerOptions = {
    noEmit: true,
    strict: true,
    noUncheckedIndexedAccess: true,
    exactOptionalPropertyTypes: true,
    noUnusedLocals: true,
    skipLibCheck: true,
    allowImportingTsExtensions: true,
    target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    lib: ['lib.es2023.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts'],
    types: [],
    paths: { '@tickloom/sdk': [`${root}sdk/index.ts`] },
  };
  const host = ts.createCompilerHost(options);
  const { readFile, fileExists } = host;
  host.readFile = (name) => (name === file ? source : readFile(name));
  host.fileExists = (name) => name === file || fileExists(name);
  const getSourceFile = host.getSourceFile.bind(host);
  host.getSourceFile = (name, version, ...rest) =>
    name === file
      ? ts.createSourceFile(name, source, version)
      : getSourceFile(name, version, ...rest);
  const program = ts.createProgram([file], options, host);
  const checked = program.getSourceFile(file);
  const found = [
    ...program.getSyntacticDiagnostics(checked),
    ...program.getSemanticDiagnostics(checked),
  ];
  return {
    problems: found.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n')),
    instantiations: program.getInstantiationCount(),
  };
}

describe('generateSdk', () => {
  it('makes the client that the examples use', async () => {
    const text = generateSdk(manifest, { command });
    await expect(text).toMatchFileSnapshot('../../examples/ashfall/tickloom.ts');
  });

  it('stays small, and cheap to check', () => {
    const text = generateSdk(manifest);
    expect(text.split('\n').length).toBeLessThan(700);
    // Checking takes well under a second at a hundred thousand; a clock would measure the machine.
    const { problems, instantiations } = compile(text);
    expect(problems).toEqual([]);
    expect(instantiations).toBeLessThan(20_000);
  });

  it('compiles for every kind of column and for names the client has for itself', () => {
    const text = generateSdk(awkward);
    expect(compile(text).problems).toEqual([]);
    expect(text).toContain('readonly sessionTable = this.stateTable<');
    expect(text).toContain('readonly positionView = this.view<');
    expect(text).toContain('readonly actionTable: EventEffects<Self, Action>;');
    expect(text).toContain('export class OddTitleClient');
    expect(text).toContain('readonly total: bigint;');
    expect(text).toContain('readonly least: Date | null;');
  });

  it('tells in hovers what the manifest says of tables, columns and views', () => {
    const text = generateSdk(JSON.parse(JSON.stringify(describedTitle)));
    expect(compile(text).problems).toEqual([]);
    expect(text).toContain('  /** From 0 to 1. */\n  readonly health: number | null;');
    expect(text).toContain(
      [
        '/**',
        ' * `ledger`: an event.',
        ' *',
        ' * Every credit that moved.',
        ' * Its comment would end here: *\\/',
        ' */',
        'export interface Ledger {',
      ].join('\n'),
    );
    expect(text).toContain('  /** Units on the field. */\n  readonly units = this.stateTable<');
    expect(text).toContain('  /** Orders given, obeyed or not. */\n  readonly orders: number;');
    expect(text).toContain(
      '  /** The three most given kinds. */\n  readonly favourites = this.view<',
    );
  });

  it('gives the same text for the same manifest', () => {
    const reordered = Object.fromEntries(Object.entries(manifest).reverse());
    expect(generateSdk(reordered)).toBe(generateSdk(manifest));
  });

  it('names title, version, manifest and command at the top', () => {
    const text = generateSdk(awkward, { manifestHash: 'sha256:ab', command: 'make sdk' });
    expect(text.split('\n').slice(0, 2)).toEqual([
      '// Title "odd-title", version 7, manifest sha256:ab.',
      '// Generated; change the manifest instead and run: make sdk',
    ]);
  });

  it.each([
    ['no manifest', null, 'the manifest: must be an object'],
    ['another format', { ...awkward, format: 2 }, 'format 1, not 2'],
    ['a name that is code', { ...awkward, title: "x'; evil(); '" }, 'title: must be a name'],
    [
      'a kind of a later server',
      {
        ...awkward,
        tables: [{ name: 'a', kind: 'action', key: [], columns: [column('p', 'point')] }],
      },
      'tables[0].columns[0].kind: this SDK knows no "point"',
    ],
    [
      'a view of nothing',
      { ...awkward, views: [{ ...awkward.views[0], from: 'no' }] },
      'no table no',
    ],
    ['a title without actions', { ...awkward, tables: [], views: [] }, 'an action table'],
  ])('refuses %s', (_what, value, message) => {
    expect(() => generateSdk(value)).toThrow(message);
  });
});
