import type {
  ActionInput,
  ConflictPolicy,
  EffectInput,
  EffectOp,
  TickInput,
} from '../engine/index.ts';
import type { Catalog } from '../engine/model/catalog.ts';
import { EngineError } from '../engine/model/errors.ts';
import { holdsExactNumbers, jsonNumberChanges } from '../engine/model/json-number.ts';
import type { Row, TableDefinition, Value, WhereInput } from '../engine/model/types.ts';

/** `CommitTickInput` as graphql-js has coerced it: names, types and enums are checked already. */
export interface CommitTickArguments {
  readonly sessionId: string;
  readonly tick: number;
  readonly fence?: number | null | undefined;
  readonly idempotencyKey?: string | null | undefined;
  readonly afterTick?: number | null | undefined;
  readonly onConflict?: ConflictPolicy | null | undefined;
  readonly once?: boolean | null | undefined;
  readonly actions: readonly ActionArguments[];
  readonly effects: readonly EffectArguments[];
}

/** The action table's columns beside these two. */
interface ActionArguments {
  readonly actionId: string;
  readonly effects: readonly EffectArguments[];
  readonly [column: string]: unknown;
}

/** One table, in it one operation. */
type EffectArguments = Readonly<Record<string, Readonly<Record<string, OperationArguments>>>>;

export interface OperationArguments {
  readonly key?: Row | null | undefined;
  readonly set?: Row | null | undefined;
  readonly add?: Row | null | undefined;
  readonly expectedVersion?: number | null | undefined;
  readonly require?: WhereInput | null | undefined;
}

/**
 * Turns the rows of a GraphQL tick into the engine's, in one pass. Rows are handed on as they are
 * where the table has no JSON column, so a row costs one small object and no copy; the engine reads
 * the columns it knows and checks every value.
 */
export class TickInputReader {
  readonly #actionJson: readonly string[];
  readonly #tables = new Map<string, { readonly json: readonly string[] }>();

  constructor(catalog: Catalog) {
    this.#actionJson = jsonColumnsOf(catalog.actionTable);
    for (const table of [...catalog.eventTables, ...catalog.stateTables]) {
      this.#tables.set(table.name, { json: jsonColumnsOf(table) });
    }
  }

  read(input: CommitTickArguments): TickInput {
    const { sessionId } = input;
    const actions = new Array<ActionInput>(input.actions.length);
    for (let i = 0; i < actions.length; i++) {
      const action = input.actions[i] as ActionArguments;
      actions[i] = {
        actionId: action.actionId,
        row: withJsonText(action as Row, this.#actionJson, () => `actions[${i}]`),
        effects: this.#readEffects(action.effects, sessionId, i),
      };
    }
    return {
      header: {
        sessionId,
        tick: wholeTick(input.tick, 'tick'),
        fence: input.fence ?? null,
        idempotencyKey: input.idempotencyKey ?? null,
        onConflict: input.onConflict ?? 'REJECT_ACTION',
        afterTick:
          input.afterTick === null || input.afterTick === undefined
            ? null
            : wholeTick(input.afterTick, 'afterTick'),
        once: input.once ?? false,
      },
      actions,
      effects: this.#readEffects(input.effects, sessionId, null),
    };
  }

  #readEffects(
    effects: readonly EffectArguments[],
    sessionId: string,
    action: number | null,
  ): EffectInput[] {
    const read = new Array<EffectInput>(effects.length);
    for (let i = 0; i < effects.length; i++) {
      const effect = effects[i] as EffectArguments;
      for (const table in effect) {
        const operations = effect[table] as Readonly<Record<string, OperationArguments>>;
        for (const op in operations) {
          const operation = operations[op] as OperationArguments;
          const keySession = operation.key?.sessionId;
          if (keySession !== undefined && keySession !== null && keySession !== sessionId) {
            throw foreignSession(action, i, table, op);
          }
          const place = () => `${effectPath(action, i)}.${table}.${op}`;
          read[i] = this.readOperation(table, op as EffectOp, operation, place);
        }
      }
    }
    return read;
  }

  /** One effect, whose key has no `sessionId` any more. `place` names it in messages. */
  readOperation(
    table: string,
    op: EffectOp,
    input: OperationArguments,
    place: () => string,
  ): EffectInput {
    const json = this.#tables.get(table)?.json ?? noColumns;
    const key = input.key ? withoutSession(input.key) : noRow;
    const require = input.require ?? null;
    const setOf = () => withJsonText(input.set ?? noRow, json, () => `${place()}.set`);
    switch (op) {
      case 'append':
      case 'insert':
        return { op, table, row: withJsonText(input as Row, json, place) };
      case 'upsert':
        return { op, table, key, set: setOf(), require };
      case 'compareAndSet':
        return {
          op,
          table,
          key,
          expectedVersion: input.expectedVersion ?? 0,
          set: setOf(),
          require,
        };
      case 'adjust':
        return { op, table, key, add: input.add ?? noRow, require };
      case 'delete':
        return { op, table, key, expectedVersion: input.expectedVersion ?? null, require };
    }
  }
}

const noRow: Row = {};
const noColumns: readonly string[] = [];

function jsonColumnsOf(table: TableDefinition): readonly string[] {
  return table.columns.filter((column) => column.kind === 'json').map((column) => column.name);
}

/** The row with the text of its JSON values; the row itself where there are none. */
function withJsonText(row: Row, jsonColumns: readonly string[], place: () => string): Row {
  let copy: { [column: string]: Value } | null = null;
  for (const column of jsonColumns) {
    const value = row[column] as unknown;
    if (value === undefined || value === null) continue;
    if (!holdsExactNumbers(value)) throw jsonNumberChanges(`${place()}.${column}`);
    copy ??= { ...row };
    copy[column] = JSON.stringify(value);
  }
  return copy ?? row;
}

function withoutSession(key: Row): Row {
  if (key.sessionId === undefined) return key;
  const { sessionId: _, ...rest } = key;
  return rest;
}

function wholeTick(tick: number, path: string): number {
  if (tick >= 0) return tick;
  throw new EngineError('BAD_USER_INPUT', `${path}: must be 0 or more, not ${tick}`, {
    details: { path },
  });
}

function effectPath(action: number | null, effect: number): string {
  return `${action === null ? '' : `actions[${action}].`}effects[${effect}]`;
}

function foreignSession(action: number | null, effect: number, table: string, op: string) {
  const path = `${effectPath(action, effect)}.${table}.${op}.key.sessionId`;
  return new EngineError(
    'BAD_USER_INPUT',
    `${path}: a tick touches rows of its own session; leave sessionId out`,
    { details: { path } },
  );
}
