import { ArrowColumn, addRows, BodyParts, endOfStream, schemaMessage } from './arrow-stream.ts';
import { badValue } from './bad-value.ts';
import type { RowCodec } from './columns.ts';
import { TickloomError } from './errors.ts';
import { arrowValues, type BaseKind } from './kinds.ts';

/** What an effect does, as a tick records it. */
export interface RecordedEffect {
  readonly op: 'append' | 'insert' | 'upsert' | 'compareAndSet' | 'adjust' | 'delete';
  /** The whole row where `op` is `append` or `insert`; else the key. */
  readonly row: object;
  /** The columns to set or to add. */
  readonly change?: object | undefined;
  readonly expectedVersion?: number | undefined;
  readonly require?: object | undefined;
}

/** Whose an effect is: an action's, by its index, or the tick's own. */
export class EffectOwner {
  readonly action: number | null;
  /** The stream of its last effect: the next goes there or to a later one. */
  stream = 0;

  constructor(action: number | null) {
    this.action = action;
  }
}

/**
 * A tick as the commit endpoint takes it: streams of Arrow, one after the other, that columns are
 * gathered for as the tick is built.
 *
 * Effects of one form (table, operation, columns, form of the condition) share a stream. Within an
 * action an effect never goes to a stream before that of the effect before it, so that stream by
 * stream gives the order in which they were written. The server makes streams of a mutation's rows
 * by the same rule, so that the same tick is the same record, whichever way it came.
 */
export class TickBody {
  readonly #sessionId: string;
  readonly #schemas: SchemaMessages;
  readonly #actions: StreamRows;
  readonly #streams: StreamRows[] = [];
  readonly #byForm = new Map<string, number[]>();
  #failure: unknown = null;

  constructor(sessionId: string, actions: RowCodec, schemas: SchemaMessages) {
    this.#sessionId = sessionId;
    this.#schemas = schemas;
    this.#actions = new StreamRows(actions, 'actions', null);
  }

  /** Returns the action's index. Throws `BAD_USER_INPUT` for a value that its column cannot hold. */
  addAction(row: object): number {
    return this.#failing(() => {
      this.#actions.pushRow(row);
      this.#actions.endRow();
      return this.#actions.rows - 1;
    });
  }

  /** Throws as `addAction` does. */
  addEffect(owner: EffectOwner, codec: RowCodec, effect: RecordedEffect): void {
    this.#failing(() => this.#addEffect(owner, codec, effect));
  }

  /** The request's body. Throws what a row was refused with, even where the builder went on. */
  encode(): Uint8Array {
    if (this.#failure !== null) throw this.#failure;
    const body = new BodyParts();
    const streams = [this.#actions, ...this.#streams].filter(({ rows }) => rows > 0);
    for (const stream of streams) stream.addTo(body, this.#schemas);
    // A body without a byte is refused: it may have been lost. A mark of an end alone is no stream.
    if (streams.length === 0) body.add(endOfStream);
    return body.joined();
  }

  /** A row that was refused has left columns of unequal length: the tick is none any more. */
  #failing<Result>(add: () => Result): Result {
    try {
      return add();
    } catch (error) {
      this.#failure ??= error;
      throw error;
    }
  }

  #addEffect(owner: EffectOwner, codec: RowCodec, effect: RecordedEffect): void {
    const { op, row, change, expectedVersion, require } = effect;
    const condition = require === undefined ? null : conditionOf(codec, require);
    const form = `${codec.name} ${op} ${expectedVersion !== undefined} ${namesOf(change)} ${condition?.form ?? ''}`;
    const stream = this.#streamFrom(form, owner, codec, op, condition);
    if (op === 'append' || op === 'insert') stream.pushRow(withoutSession(row, this.#sessionId));
    else stream.pushNamed(withoutSession(row, this.#sessionId));
    if (change !== undefined) stream.pushNamed(change, op === 'adjust' ? addendKind : undefined);
    if (expectedVersion !== undefined) stream.push('expectedVersion', 'u32', expectedVersion);
    for (const { name, column, operand } of condition?.operands ?? []) {
      stream.push(name, stream.kindOf(column), operand);
    }
    stream.push('action', 'u32', owner.action);
    stream.endRow();
  }

  #streamFrom(
    form: string,
    owner: EffectOwner,
    codec: RowCodec,
    op: string,
    condition: Condition | null,
  ): StreamRows {
    const indices = this.#byForm.get(form) ?? [];
    let index = indices.find((candidate) => candidate >= owner.stream);
    if (index === undefined) {
      index = this.#streams.push(new StreamRows(codec, op, condition?.text ?? null)) - 1;
      indices.push(index);
      this.#byForm.set(form, indices);
    }
    owner.stream = index;
    return this.#streams[index] as StreamRows;
  }
}

/** Schema messages by what they tell: a game's ticks have the same few forms over and over. */
export class SchemaMessages {
  readonly #messages = new Map<string, Uint8Array>();

  messageOf(form: string, make: () => Uint8Array): Uint8Array {
    let message = this.#messages.get(form);
    if (!message) {
      message = make();
      if (this.#messages.size >= schemasMax) this.#messages.clear();
      this.#messages.set(form, message);
    }
    return message;
  }
}

const schemasMax = 256;

/** The rows of one stream. */
class StreamRows {
  rows = 0;
  readonly #codec: RowCodec;
  readonly #op: string;
  /** A condition that is the same for all rows, as JSON. */
  readonly #require: string | null;
  readonly #columns = new Map<string, ArrowColumn>();

  constructor(codec: RowCodec, op: string, require: string | null) {
    this.#codec = codec;
    this.#op = op;
    this.#require = require;
  }

  /** A whole row: what has no value need not be named. */
  pushRow(row: object): void {
    for (const name in row) {
      const value = (row as Record<string, unknown>)[name];
      if (value !== null && value !== undefined) this.push(name, this.kindOf(name), value);
    }
  }

  /** Named columns: a null is a value that is set. */
  pushNamed(row: object, kindOf?: (kind: BaseKind) => BaseKind): void {
    for (const name in row) {
      const value = (row as Record<string, unknown>)[name];
      if (value === undefined) continue;
      const kind = this.kindOf(name);
      // To a part that is not named minus zero is added, which changes no number.
      const isPartial = kindOf !== undefined && kind === 'vec3' && value !== null;
      const whole = isPartial ? { x: -0, y: -0, z: -0, ...(value as object) } : value;
      this.push(name, kindOf ? kindOf(kind) : kind, whole);
    }
  }

  push(name: string, kind: BaseKind, value: unknown): void {
    let column = this.#columns.get(name);
    if (!column) {
      const isList = this.#codec.shapes.get(name)?.isList ?? false;
      const place = `${this.#codec.name}.${name}`;
      column = new ArrowColumn(name, arrowValues(kind, isList), place);
      column.pushNulls(this.rows);
      this.#columns.set(name, column);
    }
    column.push(value);
  }

  endRow(): void {
    this.rows += 1;
    for (const column of this.#columns.values()) {
      if (column.length < this.rows) column.pushNulls(1);
    }
  }

  kindOf(column: string): BaseKind {
    const shape = this.#codec.shapes.get(column);
    if (shape) return shape.kind;
    const place = `${this.#codec.name}.${column}`;
    throw new TickloomError('BAD_USER_INPUT', `${place}: there is no such column`, {
      details: { place },
    });
  }

  addTo(body: BodyParts, schemas: SchemaMessages): void {
    const { name } = this.#codec;
    const columns = [...this.#columns.values()];
    const form = `${name} ${this.#op} ${[...this.#columns.keys()].join()} ${this.#require ?? ''}`;
    const schema = schemas.messageOf(form, () =>
      schemaMessage(columns, {
        'tickloom.table': name,
        'tickloom.op': this.#op,
        ...(this.#require === null ? {} : { 'tickloom.require': this.#require }),
      }),
    );
    body.add(schema);
    addRows(columns, this.rows, body);
  }
}

/** Columns to add travel in a type that can subtract too. */
function addendKind(kind: BaseKind): BaseKind {
  if (kind === 'vec3') return kind;
  return kind === 'i64' || kind === 'u64' ? 'i64' : 'f64';
}

function namesOf(change: object | undefined): string {
  let names = '';
  for (const name in change) {
    if ((change as Record<string, unknown>)[name] !== undefined) names += `${name},`;
  }
  return names;
}

/** The session of a key is the tick's own. */
function withoutSession(row: object, sessionId: string): object {
  if (!('sessionId' in row)) return row;
  const { sessionId: given, ...rest } = row;
  if (given !== undefined && given !== sessionId) {
    throw badValue('sessionId', given, `left out, or the tick's own session, ${sessionId}`);
  }
  return rest;
}

/** A `require`: comparisons that must all hold, their operands by row; or any other, as JSON. */
interface Condition {
  readonly form: string;
  readonly operands: readonly {
    readonly name: string;
    readonly column: string;
    readonly operand: unknown;
  }[];
  readonly text: string | null;
}

const byRow: ReadonlySet<string> = new Set(['eq', 'ne', 'lt', 'lte', 'gt', 'gte', 'like']);

function conditionOf(codec: RowCodec, require: object): Condition {
  const operands: Condition['operands'][number][] = [];
  let form = '';
  for (const [column, comparison] of Object.entries(require)) {
    for (const [op, operand] of Object.entries((comparison ?? {}) as object)) {
      if (operand === undefined) continue;
      const isPlain = codec.shapes.get(column)?.isList === false && byRow.has(op);
      if (!isPlain || operand === null) return constantOf(codec, require);
      const name = `require.${column}.${op}`;
      form += `${name} `;
      operands.push({ name, column, operand });
    }
  }
  return operands.length === 0 ? constantOf(codec, require) : { form, operands, text: null };
}

/** Effects with another such text have a stream of their own. */
function constantOf(codec: RowCodec, require: object): Condition {
  const text = JSON.stringify(codec.encodeWhere(require));
  return { form: text, operands: [], text };
}
