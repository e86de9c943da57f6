import {
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLInputField,
  type GraphQLInputType,
  getNamedType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isObjectType,
  isRequiredArgument,
  isRequiredInputField,
} from 'graphql';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { limits } from '../../engine/model/limits.ts';
import type { TitleManifest } from '../../engine/model/types.ts';
import { openTitleApi, type TitleApi } from '../resolvers/title-api.ts';
import { allKinds } from './all-kinds.ts';

vi.mock('../../engine/model/limits.ts', async (original) => {
  const { limits } = await original<typeof import('../../engine/model/limits.ts')>();
  const small = {
    tickActionsMax: 300,
    actionEffectsMax: 200,
    tickEffectsMax: 400,
    listElementsMax: 100,
    filterTermsMax: 100,
  };
  return { limits: { ...limits, ...small } };
});

/** More than any list may have here. */
const tooMany = 600;

type Operation = 'query' | 'mutation' | 'subscription';
type Input = GraphQLArgument | GraphQLInputField;

/** One list that a client may send: the field of the root it goes to, and the way to it. */
interface ListPlace {
  readonly operation: Operation;
  readonly field: GraphQLField<unknown, unknown>;
  /** The argument, then input fields; the last is the list. */
  readonly path: readonly Input[];
}

let api: TitleApi;

/** The role of the title may do everything there. */
const manifest: TitleManifest = {
  ...allKinds,
  roles: allKinds.roles.map((role) => ({
    ...role,
    capabilities: [...role.capabilities, 'audit', 'export', 'roles', 'sql'],
  })),
};

beforeEach(async () => {
  api = await openTitleApi(manifest);
});

describe('every list of every input', () => {
  it('is refused past its bound, and the same with one entry is not', async () => {
    const places = listPlaces(api);
    const found = places.map(nameOf);
    expect(found).toContain('Query.thingList.orderBy');
    expect(found).toContain('Mutation.createExport.input.columns');
    expect(found).toContain('Mutation.commitTick.input.actions.effects');
    const answers: Record<string, string> = {};
    for (const place of places) {
      answers[nameOf(place)] = `${await send(place, 1)}, ${await send(place, tooMany)}`;
    }
    const refused = Object.entries(answers).filter(([name, answer]) => {
      const wanted = name.endsWith('.between') ? /two values, .*two values/ : /, LIMIT_EXCEEDED$/;
      return !wanted.test(answer) || answer.startsWith('LIMIT_EXCEEDED');
    });
    expect(refused).toEqual([]);
  });
});

describe('a list of columns', () => {
  const column = (index: number) => Object.keys(columnsOf('note'))[index] ?? '';

  it('takes as many as there may be, and not one more (orderColumnsMax, groupColumnsMax)', async () => {
    for (const [limit, list] of [
      ['orderColumnsMax', 'noteList(orderBy: $list) { nodes { tick } }'],
      ['groupColumnsMax', 'noteGroups(by: $list) { nodes { count } }'],
    ] as const) {
      expect(limits[limit]).toBeLessThan(tooMany);
      const type = list.startsWith('noteList') ? 'NoteOrder' : 'NoteColumn';
      const entries = (count: number) =>
        Array.from({ length: count }, () =>
          type === 'NoteOrder' ? { column: column(0) } : column(0),
        );
      const ask = (count: number) =>
        api.as('all').refusal(`query ($list: [${type}!]) { ${list} }`, { list: entries(count) });
      expect(await ask(limits[limit])).toMatchObject({ code: 'BAD_USER_INPUT' });
      expect(await ask(limits[limit] + 1)).toMatchObject({
        code: 'LIMIT_EXCEEDED',
        details: { limit },
      });
    }
  });

  it.each([
    [
      'orderBy',
      '{ thingList(orderBy: [{ column: id }, { column: id, direction: DESC }]) { nodes { id } } }',
    ],
    ['by', '{ noteGroups(by: [flag, flag]) { nodes { count } } }'],
    [
      'orderBy',
      '{ noteGroups(by: [flag], orderBy: [{ column: flag }, { column: flag }]) { nodes { count } } }',
    ],
    [
      'input.columns',
      'mutation { createExport(input: { table: "note", columns: ["flag", "flag"] }) { id } }',
    ],
  ])('%s names none twice', async (path, source) => {
    expect(await api.as('all').refusal(source)).toMatchObject({
      code: 'BAD_USER_INPUT',
      details: { path: `${path}[1]` },
    });
  });
});

function columnsOf(table: string): Record<string, unknown> {
  const type = api.schema.getType(`${table[0]?.toUpperCase()}${table.slice(1)}Column`);
  if (!isEnumType(type)) throw new RangeError(`no columns of ${table}`);
  return Object.fromEntries(type.getValues().map(({ name }) => [name, true]));
}

function nameOf({ operation, field, path }: ListPlace): string {
  const root = `${operation[0]?.toUpperCase()}${operation.slice(1)}`;
  return [root, field.name, ...path.map(({ name }) => name)].join('.');
}

/** Every list once a root field: an input type within itself is not entered again. */
function listPlaces({ schema }: TitleApi): ListPlace[] {
  const places: ListPlace[] = [];
  for (const operation of ['query', 'mutation', 'subscription'] as const) {
    const root = schema.getRootType(operation as never);
    if (!isObjectType(root)) continue;
    for (const field of Object.values(root.getFields())) {
      const entered = new Set<GraphQLInputType>();
      const walk = (input: Input, before: readonly Input[]) => {
        const path = [...before, input];
        if (isList(input.type)) places.push({ operation, field, path });
        const inner = getNamedType(input.type);
        if (!isInputObjectType(inner) || entered.has(inner)) return;
        entered.add(inner);
        for (const next of Object.values(inner.getFields())) walk(next, path);
      };
      for (const argument of field.args) walk(argument, []);
    }
  }
  return places;
}

/** The code of an operation whose list has so many entries; of a refused one its message too. */
async function send({ operation, field, path }: ListPlace, entries: number): Promise<string> {
  const [first, ...rest] = path;
  const variables = Object.fromEntries(
    field.args
      .filter((argument) => argument === first || isRequiredArgument(argument))
      .map((argument) => [
        argument.name,
        argument === first ? valueAt(argument.type, rest, entries) : leastValue(argument.type),
      ]),
  );
  const declared = field.args
    .filter(({ name }) => name in variables)
    .map(({ name, type }) => ({ name, type: String(type) }));
  const source = `${operation} (${declared.map(({ name, type }) => `$${name}: ${type}`).join(' ')}) {
    ${field.name}(${declared.map(({ name }) => `${name}: $${name}`).join(' ')}) ${selectionOf(field)}
  }`;
  const caller = api.as('all');
  if (operation === 'subscription') {
    return caller.subscribe(source, variables).then(
      async (frames) => {
        await frames.return?.();
        return 'OK';
      },
      (error) => shown(error.originalError ?? error),
    );
  }
  const { result } = await caller.run(source, variables);
  return result.errors ? shown(await caller.refusal(source, variables)) : 'OK';
}

function shown({ code, message }: { code?: string; message: string }): string {
  return code === 'LIMIT_EXCEEDED' ? code : `${code}: ${message}`;
}

function selectionOf({ type }: GraphQLField<unknown, unknown>): string {
  return isObjectType(getNamedType(type)) ? '{ __typename }' : '';
}

/** A value whose list at the end of the path has so many entries. */
function valueAt(type: GraphQLInputType, path: readonly Input[], entries: number): unknown {
  if (isNonNullType(type)) return valueAt(type.ofType, path, entries);
  if (isListType(type)) {
    if (path.length > 0) return [valueAt(type.ofType, path, entries)];
    return Array.from({ length: entries }, () => leastValue(type.ofType));
  }
  const [next, ...rest] = path;
  if (!isInputObjectType(type) || next === undefined) throw new RangeError('the path leads on');
  const others = type.isOneOf ? {} : (leastValue(type) as Record<string, unknown>);
  return { ...others, [next.name]: valueAt(next.type, rest, entries) };
}

/** The least that fits a type. */
function leastValue(type: GraphQLInputType): unknown {
  if (isNonNullType(type)) return leastValue(type.ofType);
  if (isListType(type)) return [];
  if (isEnumType(type)) return type.getValues()[0]?.name;
  if (isInputObjectType(type)) {
    const fields = Object.values(type.getFields());
    // What is needed though the type does not say so: a key outside a tick names its session.
    const isGiven = (field: GraphQLInputField) =>
      isRequiredInputField(field) ||
      (type.name.endsWith('Key') && field.name === 'sessionId') ||
      (type.name === 'CreateExportInput' && field.name === 'table');
    const given = type.isOneOf ? fields.slice(0, 1) : fields.filter(isGiven);
    return Object.fromEntries(given.map((field) => [field.name, leastValue(field.type)]));
  }
  return leastScalars[type.name];
}

function isList(type: GraphQLInputType): boolean {
  return isNonNullType(type) ? isList(type.ofType) : isListType(type);
}

const leastScalars: Readonly<Record<string, unknown>> = {
  Boolean: true,
  Int: 1,
  Float: 1,
  BigInt: '1',
  String: 'note',
  ID: '8d7cbf1c-9a2f-4a6e-9d9c-0d5c7a3f2b10',
  DateTime: '2026-01-01T00:00:00Z',
  Position: '0:0',
  JSON: {},
  Bytes: 'AA==',
  UUID: '8d7cbf1c-9a2f-4a6e-9d9c-0d5c7a3f2b10',
};
