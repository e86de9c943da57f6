import type { Catalog } from '../../model/catalog.ts';
import { EngineError } from '../../model/errors.ts';
import { jsonTooDeep, textNestsDeeper } from '../../model/json-depth.ts';
import { columnNamed, isAdjustable } from '../../model/kinds.ts';
import { limits } from '../../model/limits.ts';
import type {
  ColumnDefinition,
  Row,
  Scalar,
  TableDefinition,
  Value,
  WhereInput,
} from '../../model/types.ts';
import { type ConditionForm, operandColumn } from '../../query/condition-form.ts';
import { type RequireInput, readRequire } from '../../query/read-require.ts';
import { addendColumn, wholeAddend } from '../../tick/adjustment.ts';
import type { EffectOp, EffectStream } from '../../tick/tick-batch.ts';
import { VectorBuilder } from '../../vectors/vector-builder.ts';
import { atMost } from '../at-most.ts';
import type { EffectInput } from './row-input.ts';

/**
 * The streams of a tick. Effects of one form share a stream; within an action an effect never goes
 * to a stream before the one of the effect before it, so that reading stream by stream gives the
 * order in which they were written.
 */
export class StreamSet {
  readonly #catalog: Catalog;
  /** A direct write may touch title-wide rows without a session. */
  readonly #direct: boolean;
  readonly #streams: StreamBuilder[] = [];
  readonly #byForm = new Map<string, number[]>();
  readonly #declared = new Map<TableDefinition, Map<string, ColumnDefinition>>();
  #effects = 0;
  /** The stream of the effect before, which is often that of the next. */
  #last = -1;

  constructor(catalog: Catalog, direct: boolean) {
    this.#catalog = catalog;
    this.#direct = direct;
  }

  addAll(action: number, effects: readonly EffectInput[], path: () => string): void {
    if (effects.length === 0) return;
    this.#effects += effects.length;
    atMost(this.#effects, limits.tickEffectsMax, 'effects in one tick');
    let earliest = 0;
    let last = this.#last;
    let i = 0;
    const place = () => `${path()}[${i}].${effects[i]?.table}.${effects[i]?.op}`;
    for (; i < effects.length; i++) {
      const effect = effects[i] as EffectInput;
      if (last >= earliest && this.#streams[last]?.isOnlyOneFor(effect) === true) {
        (this.#streams[last] as StreamBuilder).push(action, effect, null, place);
        earliest = last;
        continue;
      }
      const table = this.#tableOf(effect, place);
      const given = 'require' in effect ? effect.require : null;
      const require = given ? this.#require(table, given, place) : null;
      const names = writtenColumns(effect);
      const form = formOf(effect, names, require);
      const index = this.#streamFrom(form, earliest, table, effect, names, require, place);
      (this.#streams[index] as StreamBuilder).push(action, effect, require, place);
      earliest = last = index;
    }
    this.#last = last;
  }

  build(): EffectStream[] {
    return this.#streams.map((stream) => stream.build());
  }

  #tableOf(effect: EffectInput, place: () => string): TableDefinition {
    const table = this.#catalog.tables.get(effect.table);
    if (!table || table.kind === 'action') {
      throw badInput(place, `names no table that effects can write`);
    }
    if ((table.kind === 'event') !== (effect.op === 'append')) {
      throw badInput(
        place,
        table.kind === 'event'
          ? `is not possible: rows of an event table are appended`
          : `is not possible: rows are appended to event tables only`,
      );
    }
    if (table.kind === 'event' && this.#direct) throw badInput(place, `needs a tick`);
    return table;
  }

  #require(table: TableDefinition, require: WhereInput, place: () => string): RequireInput {
    let columns = this.#declared.get(table);
    if (!columns) {
      columns = new Map(table.columns.map((column) => [column.name, column]));
      this.#declared.set(table, columns);
    }
    return readRequire(columns, require, place);
  }

  #streamFrom(
    form: string,
    earliest: number,
    table: TableDefinition,
    effect: EffectInput,
    names: readonly string[],
    require: RequireInput | null,
    place: () => string,
  ): number {
    const indices = this.#byForm.get(form);
    const index = indices?.find((candidate) => candidate >= earliest);
    if (index !== undefined) return index;
    const ofForm = indices ?? [];
    const stream = new StreamBuilder(table, effect, names, require, ofForm, place);
    const fresh = this.#streams.push(stream) - 1;
    ofForm.push(fresh);
    this.#byForm.set(form, ofForm);
    return fresh;
  }
}

/** The columns an effect writes, as it names them; of whole rows: none, all are meant. */
function writtenColumns(effect: EffectInput): readonly string[] {
  switch (effect.op) {
    case 'append':
    case 'insert':
    case 'delete':
      return [];
    case 'adjust':
      return givenNames(effect.add);
    case 'upsert':
    case 'compareAndSet':
      return givenNames(effect.set);
  }
}

function givenNames(row: Row): string[] {
  const names = Object.keys(row);
  return names.some((name) => row[name] === undefined)
    ? names.filter((name) => row[name] !== undefined)
    : names;
}

function formOf(
  effect: EffectInput,
  names: readonly string[],
  require: RequireInput | null,
): string {
  const versioned = 'expectedVersion' in effect && effect.expectedVersion !== null;
  return `${effect.table} ${effect.op} ${versioned} ${names.join()} ${require?.formText ?? ''}`;
}

class StreamBuilder {
  readonly #table: TableDefinition;
  readonly #op: EffectOp;
  readonly #actions: number[] = [];
  readonly #versions: number[] | null;
  readonly #keys: readonly VectorBuilder[];
  readonly #columns: readonly VectorBuilder[];
  /** What an effect's key, and a whole row, may name. */
  readonly #keyNames: ReadonlySet<string>;
  readonly #names: ReadonlySet<string>;
  readonly #requireForm: ConditionForm | null;
  readonly #operands: readonly VectorBuilder[];
  readonly #written: readonly string[];
  /** The streams of this form. */
  readonly #ofForm: readonly number[];

  constructor(
    table: TableDefinition,
    effect: EffectInput,
    names: readonly string[],
    require: RequireInput | null,
    ofForm: readonly number[],
    place: () => string,
  ) {
    this.#written = names;
    this.#ofForm = ofForm;
    this.#table = table;
    this.#op = effect.op;
    const versioned = 'expectedVersion' in effect && effect.expectedVersion !== null;
    this.#versions = versioned ? [] : null;
    const isKey = (column: ColumnDefinition) => table.key.includes(column.name);
    const whole = effect.op === 'append' || effect.op === 'insert';
    for (const name of names) requireColumn(table, name, effect.op, place);
    this.#keys = table.columns
      .filter((column) => isKey(column) && column.name !== 'sessionId')
      .map((column) => new VectorBuilder(column));
    this.#columns = table.columns
      .filter((column) => !isKey(column) && (whole || names.includes(column.name)))
      .map((c) => new VectorBuilder(effect.op === 'adjust' ? addendColumn(c) : c));
    this.#keyNames = new Set(this.#keys.map((builder) => builder.column.name));
    this.#names = new Set([...this.#keyNames, ...this.#columns.map((b) => b.column.name)]);
    this.#requireForm = require?.form ?? null;
    this.#operands = (require?.operands ?? []).map(({ column }) => {
      return new VectorBuilder(
        operandColumn(columnNamed(table.columns, column) as ColumnDefinition),
      );
    });
  }

  push(
    action: number,
    effect: EffectInput,
    require: RequireInput | null,
    place: () => string,
  ): void {
    this.#actions.push(action);
    const { keyRow, keyPath, row, rowPath } = rowsOf(effect);
    this.#checkNames(keyRow, row, effect, place);
    let path = keyPath;
    let name = '';
    const value = () => `${place()}.${path}${name}`;
    for (const builder of this.#keys) {
      name = builder.column.name;
      builder.push(keyRow[name], value);
    }
    path = rowPath;
    for (const builder of this.#columns) {
      name = builder.column.name;
      const given = row[name];
      const isAddend = this.#op === 'adjust';
      pushGiven(builder, isAddend ? wholeAddend(builder.column, given) : given, value);
    }
    if (this.#versions && 'expectedVersion' in effect) {
      const version = effect.expectedVersion as number;
      if (!Number.isInteger(version) || version < 0 || version > 0xffff_ffff) {
        const at = () => `${place()}.expectedVersion`;
        throw badInput(at, `must be a whole number from 0 to 4294967295`);
      }
      this.#versions.push(version);
    }
    for (let i = 0; i < this.#operands.length; i++) {
      this.#operands[i]?.push(require?.operands[i]?.value as Scalar, place);
    }
  }

  /** Whether the effect, which has no `require`, can be of this stream alone. */
  isOnlyOneFor(effect: EffectInput): boolean {
    if (this.#requireForm !== null || this.#ofForm.length > 1) return false;
    if (effect.op !== this.#op || effect.table !== this.#table.name) return false;
    if ('require' in effect && effect.require) return false;
    const versioned = 'expectedVersion' in effect && effect.expectedVersion !== null;
    if (versioned !== (this.#versions !== null)) return false;
    const written = 'set' in effect ? effect.set : 'add' in effect ? effect.add : null;
    if (written === null) return true;
    let count = 0;
    for (const name in written) {
      if (written[name] === undefined || this.#written[count] !== name) return false;
      count += 1;
    }
    return count === this.#written.length;
  }

  /** Refuses names that the table does not have, and `sessionId`, which is the tick's. */
  #checkNames(keyRow: Row, row: Row, effect: EffectInput, place: () => string): void {
    if (effect.op === 'append' || effect.op === 'insert') {
      for (const name in row) {
        if (!this.#names.has(name)) requireColumn(this.#table, name, effect.op, place);
      }
      return;
    }
    for (const name in keyRow) {
      if (!this.#keyNames.has(name)) {
        throw badInput(place, `.key.${name} is not a key column to give here`);
      }
    }
  }

  build(): EffectStream {
    const length = this.#actions.length;
    const vectors = [...this.#keys, ...this.#columns].map((builder) => builder.build());
    if (this.#op === 'append' || this.#op === 'insert') {
      const order = this.#table.columns.map((column) => column.name);
      vectors.sort((a, b) => order.indexOf(a.column.name) - order.indexOf(b.column.name));
    }
    return {
      table: this.#table,
      op: this.#op,
      length,
      action: Uint32Array.from(this.#actions),
      rows: { length, vectors },
      expectedVersions: this.#versions && Uint32Array.from(this.#versions),
      require: this.#requireForm && {
        form: this.#requireForm,
        operands: this.#operands.map((builder) => builder.build()),
      },
    };
  }
}

interface EffectRows {
  readonly keyRow: Row;
  readonly keyPath: string;
  readonly row: Row;
  readonly rowPath: string;
}

const noRow: Row = {};

function rowsOf(effect: EffectInput): EffectRows {
  switch (effect.op) {
    case 'append':
    case 'insert':
      return { keyRow: effect.row, keyPath: '', row: effect.row, rowPath: '' };
    case 'upsert':
    case 'compareAndSet':
      return { keyRow: effect.key, keyPath: 'key.', row: effect.set, rowPath: 'set.' };
    case 'adjust':
      return { keyRow: effect.key, keyPath: 'key.', row: effect.add, rowPath: 'add.' };
    case 'delete':
      return { keyRow: effect.key, keyPath: 'key.', row: noRow, rowPath: '' };
  }
}

function requireColumn(
  table: TableDefinition,
  name: string,
  op: EffectOp,
  place: () => string,
): void {
  const column = table.columns.find((candidate) => candidate.name === name);
  if (!column) throw badInput(place, `.${name}: table "${table.name}" has no such column`);
  if (name === 'sessionId') throw badInput(place, `.sessionId is the tick's own`);
  const whole = op === 'append' || op === 'insert';
  if (!whole && table.key.includes(name)) throw badInput(place, `.${name} is of the key`);
  if (op === 'adjust' && !isAdjustable(column)) {
    throw badInput(place, `.add.${name} is ${column.kind}; only numbers can be added to`);
  }
}

/** Adds a value of a client's: the builder itself also takes what has been in the log for long. */
export function pushGiven(
  builder: VectorBuilder,
  value: Value | undefined,
  place: () => string,
): void {
  const isJson = builder.column.kind === 'json' && typeof value === 'string';
  if (isJson && textNestsDeeper(value, limits.jsonDepthMax)) throw jsonTooDeep(place());
  builder.push(value, place);
}

function badInput(place: () => string, complaint: string): EngineError {
  const path = place();
  const glue = complaint.startsWith('.') ? '' : ' ';
  return new EngineError('BAD_USER_INPUT', `${path}${glue}${complaint}`, { details: { path } });
}
