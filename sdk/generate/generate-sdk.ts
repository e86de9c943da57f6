import type { TitleDescriptor } from '../runtime/title.ts';
import { columnSpec, columnType, isInteger, property, quoted, union } from './column-text.ts';
import { docComment } from './doc-comment.ts';
import { type ManifestJson, parseManifestJson } from './manifest-json.ts';
import {
  enumName,
  pascalCase,
  type Relation,
  type SdkColumn,
  type TypeNamer,
  tableRelation,
  viewRelation,
} from './relation.ts';
import { typeNamer } from './type-names.ts';

export interface GenerateOptions {
  /** The hash of the manifest as deployed: what the client sends, so that a server of another knows. */
  readonly manifestHash?: string;
  /** How to make the file anew; told in the header. */
  readonly command?: string;
}

/**
 * Typed TypeScript source for a title: rows, keys, enums, ticks and the client. One manifest gives
 * one text, byte by byte. Throws `TypeError` for what is no manifest of format 1.
 */
export function generateSdk(manifestJson: unknown, options: GenerateOptions = {}): string {
  const manifest = parseManifestJson(manifestJson);
  const name = pascalCase(manifest.title);
  const namer = typeNamer(name);
  const tables = manifest.tables.map((table) => tableRelation(table, namer));
  const views = manifest.views.map((view) => viewRelation(manifest, view, namer));
  const text = [
    header(manifest, options),
    imports(tables, views),
    ...enums(manifest, namer),
    ...tables.map(rowType),
    ...views.map(rowType),
    tickTypes(name, tables),
    clientClass(name, tables, views),
    descriptor(manifest, tables, views, options.manifestHash),
  ].join('\n\n');
  return `${text}\n`;
}

function header(manifest: ManifestJson, options: GenerateOptions): string {
  const { manifestHash } = options;
  const hash = manifestHash === undefined ? '' : `, manifest ${manifestHash.slice(0, 16)}`;
  const command = options.command ?? 'tickloom generate sdk --url <server> --out <file>';
  return [
    `// Title "${manifest.title}", version ${manifest.version}${hash}.`,
    `// Generated; change the manifest instead and run: ${command}`,
  ].join('\n');
}

function imports(tables: readonly Relation[], views: readonly Relation[]): string {
  const columns = [...tables, ...views].flatMap((relation) => relation.columns);
  const types = ['ActionInput', 'ClientOptions', 'Export', 'ExportOf', 'ExportShape', 'Position'];
  if (columns.some((column) => column.enumName === 'ConflictCode')) types.push('ConflictCode');
  if (columns.some((column) => column.kind === 'json')) types.push('Json');
  if (tables.some((table) => table.kind === 'event')) types.push('EventEffects');
  if (tables.some((table) => table.kind === 'state')) types.push('StateEffects');
  if (columns.some((column) => column.kind === 'vec3')) types.push('Vec3');
  types.push('SqlExport', 'TickBuilder', 'TitleDescriptor');
  const names = [...types, 'TitleClient'].sort();
  const members = names.map((name) => (name === 'TitleClient' ? `  ${name},` : `  type ${name},`));
  return `import {\n${members.join('\n')}\n} from '@tickloom/sdk';`;
}

function enums(manifest: ManifestJson, namer: TypeNamer): string[] {
  return manifest.tables.flatMap((table) =>
    table.columns
      .filter((column) => column.kind === 'enum')
      .map((column) => typeAlias(`export type ${namer(enumName(table, column))}`, column.values)),
  );
}

/** The alias of a union of values: on one line where it fits, else one value a line. */
function typeAlias(head: string, values: readonly string[]): string {
  const line = `${head} = ${union(values)};`;
  if (line.length <= 100) return line;
  return `${head} =\n${values.map((value) => `  | ${quoted(value)}`).join('\n')};`;
}

const relationNotes: Record<Relation['kind'], string> = {
  action: 'an action with its verdict',
  event: 'an event',
  state: 'a live row',
  view: 'a row of the view',
};

function rowType(relation: Relation): string {
  const { type, name, description, kind, key, columns } = relation;
  const members = columns
    .map((column) => {
      const member = `  readonly ${property(column.name)}: ${columnType(column)};`;
      return `${docComment(column.description, '  ')}${member}`;
    })
    .join('\n');
  const note = `\`${name}\`: ${relationNotes[kind]}.`;
  const doc = docComment(description === null ? note : `${note}\n\n${description}`);
  const row = `${doc}export interface ${type} {\n${members}\n}`;
  if (kind === 'action' || kind === 'event') return row;
  return `${row}\nexport type ${type}Key = Pick<${type}, ${union(key)}>;`;
}

/** Members every client and tick has; a table of that name gets another property. */
const takenAccessors = new Set([
  'action',
  'close',
  'constructor',
  'createExport',
  'createExportOf',
  'graphql',
  'hasOwnProperty',
  'historyTable',
  'openSession',
  'position',
  'readAfter',
  'session',
  'stateTable',
  'toString',
  'transaction',
  'valueOf',
  'view',
]);

function accessor(relation: Relation): string {
  if (!takenAccessors.has(relation.name)) return relation.name;
  return `${relation.name}${relation.kind === 'view' ? 'View' : 'Table'}`;
}

function tickTypes(name: string, tables: readonly Relation[]): string {
  const action = tables.find((table) => table.kind === 'action');
  if (!action) throw new TypeError('tables: a title has an action table');
  const members = tables
    .filter((table) => table.kind !== 'action')
    .map((table) => {
      const type =
        table.kind === 'state'
          ? `StateEffects<Self, ${table.type}, keyof ${table.type}Key>`
          : `EventEffects<Self, ${table.type}>`;
      return `  readonly ${accessor(table)}: ${type};`;
    });
  return [
    '/** Effects by table; each returns what it was added to. */',
    `export interface ${name}Effects<Self> {`,
    ...members,
    '}',
    '/** One action of a tick: accepted with all its effects, or rejected. */',
    `export interface ${name}Action extends ${name}Effects<${name}Action> {}`,
    '/** A tick under construction. */',
    `export interface ${name}Tick`,
    `  extends TickBuilder<${action.type}, ${name}Action>,`,
    `    ${name}Effects<${name}Tick> {}`,
    `export type ${name}ActionInput = ActionInput<${action.type}>;`,
  ].join('\n');
}

function clientClass(
  name: string,
  tables: readonly Relation[],
  views: readonly Relation[],
): string {
  const fields = [...tables, ...views].map(clientField);
  const sources = [
    ...tables.map((table) => `  | ExportOf<${quoted(table.name)}, ${table.type}>`),
    '  | SqlExport',
  ];
  return [
    '/** What an export may draw from. */',
    `export type ${name}ExportSource =`,
    `${sources.join('\n')};`,
    '',
    `export class ${name}Client extends TitleClient<${name}Tick> {`,
    ...fields,
    '',
    '  constructor(options: ClientOptions) {',
    '    super(title, options);',
    '  }',
    '',
    '  /** A signed link to rows as of one position; opens as an Arrow table or stream. */',
    `  createExport(request: ${name}ExportSource & ExportShape): Promise<Export> {`,
    '    return this.createExportOf(request);',
    '  }',
    '}',
  ].join('\n');
}

function clientField(relation: Relation): string {
  return `${docComment(relation.description, '  ')}${clientFieldCode(relation)}`;
}

function clientFieldCode(relation: Relation): string {
  const { type, name, kind, columns } = relation;
  const integers = columns.filter(isInteger).map((column) => column.name);
  const key = `keyof ${type}Key`;
  const parameters =
    kind === 'state'
      ? [type, key, union(integers)]
      : [type, kind === 'view' ? key : union(integers)];
  const method = kind === 'state' ? 'stateTable' : kind === 'view' ? 'view' : 'historyTable';
  const head = `  readonly ${accessor(relation)} = this.${method}<`;
  const line = `${head}${parameters.join(', ')}>(`;
  if (line.length + name.length + 4 <= 100) return `${line}${quoted(name)});`;
  if (line.length <= 100) return `${line}\n    ${quoted(name)},\n  );`;
  return `${head}\n    ${parameters.join(',\n    ')}\n  >(${quoted(name)});`;
}

function descriptor(
  manifest: ManifestJson,
  tables: readonly Relation[],
  views: readonly Relation[],
  manifestHash: string | undefined,
): string {
  return [
    '/** Names and kinds, for the runtime. */',
    'const title: TitleDescriptor = {',
    `  title: ${quoted(manifest.title)},`,
    `  version: ${manifest.version},`,
    ...(manifestHash === undefined ? [] : [`  manifest: ${quoted(manifestHash)},`]),
    '  tables: {',
    ...tables.flatMap(describeRelation),
    '  },',
    '  views: {',
    ...views.flatMap(describeRelation),
    '  },',
    '};',
  ].join('\n');
}

function describeRelation(relation: Relation): string[] {
  const { as, kind, key, name, columns } = relation;
  const member = accessor(relation);
  return [
    `    ${property(name)}: {`,
    `      as: ${quoted(as)},`,
    ...(kind === 'view' ? [] : [`      kind: ${quoted(kind)},`]),
    ...(kind === 'view' || kind === 'state' ? [`      key: [${key.map(quoted).join(', ')}],`] : []),
    ...(member === name || kind === 'view' ? [] : [`      accessor: ${quoted(member)},`]),
    '      columns: {',
    ...columns.map((column) => `        ${property(column.name)}: ${quoted(columnSpec(column))},`),
    '      },',
    ...describeValues(columns),
    '    },',
  ];
}

function describeValues(columns: readonly SdkColumn[]): string[] {
  const enums = columns.filter(({ values }) => values.length > 0);
  if (enums.length === 0) return [];
  return ['      values: {', ...enums.flatMap(valueLines), '      },'];
}

/** On one line where it fits, else one value a line. */
function valueLines({ name, values }: SdkColumn): string[] {
  const line = `        ${property(name)}: [${values.map(quoted).join(', ')}],`;
  if (line.length <= 100) return [line];
  return [
    `        ${property(name)}: [`,
    ...values.map((value) => `          ${quoted(value)},`),
    '        ],',
  ];
}

/** What the generated code tells the runtime of a manifest, as a value. Throws as `generateSdk` does. */
export function describeTitle(manifestJson: unknown): TitleDescriptor {
  const manifest = parseManifestJson(manifestJson);
  const namer = typeNamer(pascalCase(manifest.title));
  const views = manifest.views.map((view) => viewRelation(manifest, view, namer));
  const parts = (relations: readonly Relation[]) =>
    Object.fromEntries(relations.map((relation) => [relation.name, partOf(relation)]));
  const { title, version } = manifest;
  const tables = parts(manifest.tables.map((table) => tableRelation(table, namer)));
  return { title, version, tables, views: parts(views) } as TitleDescriptor;
}

function partOf({ as, kind, key, columns }: Relation): object {
  const enums = columns.filter(({ values }) => values.length > 0);
  return {
    as,
    ...(kind === 'view' ? {} : { kind }),
    ...(kind === 'view' || kind === 'state' ? { key } : {}),
    columns: Object.fromEntries(columns.map((column) => [column.name, columnSpec(column)])),
    ...(enums.length === 0
      ? {}
      : { values: Object.fromEntries(enums.map(({ name, values }) => [name, values])) }),
  };
}
