import type { EffectOp } from '../engine/index.ts';
import { isAdjustable } from '../engine/model/kinds.ts';
import type { OperationArguments } from '../resolvers/tick-input.ts';
import type { RelationColumn, TableRelation } from './relation.ts';
import { addFilterType, type FilterType } from './row-types.ts';
import type { SchemaScope } from './scope.ts';
import type { TableTypes } from './table-types.ts';

/**
 * What effects may do to rows, as inputs: for each event and state table an `@oneOf` of its
 * operations, and one `@oneOf` of all tables.
 */
export function addEffectInputs(scope: SchemaScope, tables: readonly TableTypes[]) {
  const written = tables.filter(({ table }) => table.kind !== 'action');
  const compareAndSet = new Map<string, ReturnType<typeof addCompareAndSetInput>>();
  const members = written.map(({ relation }) => {
    if (relation.table.kind === 'event') {
      return { relation, input: addEventEffect(scope, relation) };
    }
    const parts = addStateParts(scope, relation);
    compareAndSet.set(relation.name, parts.compareAndSet);
    return { relation, input: addStateEffect(scope, relation, parts) };
  });
  const effect = scope.builder.inputType('EffectInput', {
    isOneOf: true,
    description: 'One change to one row of one table: name the table, in it the operation.',
    fields: (t) =>
      Object.fromEntries(
        members.map(({ relation, input }) => [
          relation.name,
          t.field({ type: input, description: `A change to \`${relation.name}\`.` }),
        ]),
      ),
  });
  return { effect, compareAndSet };
}

function addEventEffect(scope: SchemaScope, relation: TableRelation) {
  const row = addRowInput(scope, relation, `A row to append to \`${relation.name}\`.`);
  return scope.builder.inputType(`${relation.typeName}Effect`, {
    isOneOf: true,
    description: `A change to the event table \`${relation.name}\`.`,
    fields: (t) => ({ append: t.field({ type: row, description: operations.append }) }),
  });
}

function addStateParts(scope: SchemaScope, relation: TableRelation) {
  const shared = {
    key: addWriteKey(scope, relation),
    set: addSetInput(scope, relation),
    require: addFilterType(
      scope,
      `${relation.typeName}Require`,
      relation.declared,
      `What must hold of one row of \`${relation.name}\`, or the effect fails with \`GUARD_FAILED\`. A condition on a column that is null does not hold, but for \`isNull\`.`,
    ),
  };
  return {
    insert: addRowInput(scope, relation, `A row to insert into \`${relation.name}\`.`),
    upsert: addUpsertInput(scope, relation, shared),
    compareAndSet: addCompareAndSetInput(scope, relation, shared),
    adjust: addAdjustInput(scope, relation, shared),
    delete: addDeleteInput(scope, relation, shared),
  };
}

interface SharedParts {
  readonly key: ReturnType<typeof addWriteKey>;
  readonly set: ReturnType<typeof addSetInput>;
  readonly require: FilterType;
}

function addStateEffect(
  scope: SchemaScope,
  relation: TableRelation,
  parts: ReturnType<typeof addStateParts>,
) {
  const { adjust } = parts;
  return scope.builder.inputType(`${relation.typeName}Effect`, {
    isOneOf: true,
    description: `A change to one row of the state table \`${relation.name}\`.`,
    fields: (t) => ({
      insert: t.field({ type: parts.insert, description: operations.insert }),
      upsert: t.field({ type: parts.upsert, description: operations.upsert }),
      compareAndSet: t.field({
        type: parts.compareAndSet,
        description: operations.compareAndSet,
      }),
      ...(adjust ? { adjust: t.field({ type: adjust, description: operations.adjust }) } : {}),
      delete: t.field({ type: parts.delete, description: operations.delete }),
    }),
  });
}

/** A whole row. `sessionId` is the tick's and so left out. */
function addRowInput(scope: SchemaScope, relation: TableRelation, description: string) {
  return scope.builder.inputType(`${relation.typeName}Row`, {
    description,
    fields: (t) =>
      Object.fromEntries(
        relation.declared
          .filter(({ definition }) => definition.name !== 'sessionId')
          .map((column) => [
            column.definition.name,
            t.field({
              type: scope.columns.inputOf(column),
              required: !column.definition.optional,
              description: column.description,
            }),
          ]),
      ),
  });
}

/**
 * The key of a row to write. One type serves ticks, whose session it is, and direct writes, which
 * name theirs: so `sessionId` is not required by type.
 */
function addWriteKey(scope: SchemaScope, relation: TableRelation) {
  return scope.builder.inputType(`${relation.typeName}WriteKey`, {
    description: `Names the row of \`${relation.name}\` to change.`,
    fields: (t) =>
      Object.fromEntries(
        relation.key.map((column) => {
          const isSession = column.definition.name === 'sessionId';
          return [
            column.definition.name,
            t.field({
              type: scope.columns.typeOf(column),
              required: !isSession,
              description: isSession
                ? 'The session of the row. Left out inside a tick, whose session it is; needed outside.'
                : column.description,
            }),
          ];
        }),
      ),
  });
}

/** The input of columns to set; null for a table that is nothing but its key. */
function addSetInput(scope: SchemaScope, relation: TableRelation) {
  const settable = valuesOf(relation);
  if (settable.length === 0) return null;
  return scope.builder.inputType(`${relation.typeName}Set`, {
    description: `Columns of \`${relation.name}\` to set; those left out stay as they are. Null empties a column that may be null.`,
    fields: (t) =>
      Object.fromEntries(
        settable.map((column) => [
          column.definition.name,
          t.field({ type: scope.columns.inputOf(column), description: column.description }),
        ]),
      ),
  });
}

function addUpsertInput(scope: SchemaScope, relation: TableRelation, parts: SharedParts) {
  const { key, set, require } = parts;
  return scope.builder.inputType(`${relation.typeName}Upsert`, {
    description: `${operations.upsert} A new row needs every column that may not be null.`,
    fields: (t) => ({
      key: t.field({ type: key, required: true, description: 'The row.' }),
      ...(set ? { set: t.field({ type: set, required: true, description: 'What to set.' }) } : {}),
      require: t.field({
        type: require,
        description: 'What must hold of the row if it exists.',
      }),
    }),
  });
}

function addCompareAndSetInput(scope: SchemaScope, relation: TableRelation, parts: SharedParts) {
  const { key, set, require } = parts;
  const input = scope.builder.inputRef<OperationArguments>(`${relation.typeName}CompareAndSet`);
  scope.builder.inputType(input, {
    description: operations.compareAndSet,
    fields: (t) =>
      ({
        key: t.field({ type: key, required: true, description: 'The row.' }),
        expectedVersion: t.int({
          required: true,
          description:
            'The version the row must have, or the effect fails with `VERSION_MISMATCH`.',
        }),
        ...(set
          ? { set: t.field({ type: set, required: true, description: 'What to set.' }) }
          : {}),
        require: t.field({ type: require, description: 'What must hold of the row as well.' }),
      }) as never,
  });
  return input;
}

/** The input of an adjust; null for a table without a number to add to. */
function addAdjustInput(scope: SchemaScope, relation: TableRelation, parts: SharedParts) {
  const numbers = valuesOf(relation).filter(({ definition }) => isAdjustable(definition));
  if (numbers.length === 0) return null;
  const add = scope.builder.inputType(`${relation.typeName}Add`, {
    description: `What to add to numbers of a row of \`${relation.name}\`; negative to take away.`,
    fields: (t) =>
      Object.fromEntries(
        numbers.map((column) => [
          column.definition.name,
          t.field({ type: scope.columns.addendOf(column), description: column.description }),
        ]),
      ),
  });
  return scope.builder.inputType(`${relation.typeName}Adjust`, {
    description: operations.adjust,
    fields: (t) => ({
      key: t.field({ type: parts.key, required: true, description: 'The row.' }),
      add: t.field({ type: add, required: true, description: 'What to add.' }),
      require: t.field({
        type: parts.require,
        description:
          'What must hold of the row with the sums in it, such as `{ balance: { gte: 0 } }`.',
      }),
    }),
  });
}

function addDeleteInput(scope: SchemaScope, relation: TableRelation, parts: SharedParts) {
  return scope.builder.inputType(`${relation.typeName}Delete`, {
    description: operations.delete,
    fields: (t) => ({
      key: t.field({ type: parts.key, required: true, description: 'The row.' }),
      expectedVersion: t.int({ description: 'The version the row must have; any if left out.' }),
      require: t.field({ type: parts.require, description: 'What must hold of the row.' }),
    }),
  });
}

function valuesOf(relation: TableRelation): RelationColumn[] {
  return relation.declared.filter(
    ({ definition }) => !relation.table.key.includes(definition.name),
  );
}

const operations: Readonly<Record<EffectOp, string>> = {
  append: 'Appends a row.',
  insert: 'Makes a row; fails with `ROW_EXISTS` if there is one under its key.',
  upsert: 'Changes the row, or makes it where there is none.',
  compareAndSet:
    'Changes a row that has the expected version; fails with `ROW_NOT_FOUND` or `VERSION_MISMATCH`.',
  adjust:
    'Adds to numbers of a row, whatever its version; fails with `ROW_NOT_FOUND`, or `OUT_OF_RANGE` where the sum does not fit.',
  delete: 'Removes a row; fails with `ROW_NOT_FOUND` if there is none.',
};
