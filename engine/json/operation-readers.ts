import type { ColumnDefinition, TableDefinition } from '../model/types.ts';
import { addendColumn, isAdjustable } from '../tick/adjustment.ts';
import type { EffectOp } from '../tick/tick-batch.ts';
import type { BodyText } from './body-text.ts';
import { Cells } from './cells.ts';
import { type GuardForm, GuardReader } from './guard-reader.ts';
import type { JsonCursor } from './json-cursor.ts';
import { KeyOrder } from './key-order.ts';
import { notTaken } from './not-taken.ts';
import { type Member, type NamedMember, ObjectReader, readObject } from './object-reader.ts';
import type { Scratch } from './scratch.ts';
import type { SessionOfKeys } from './session-of-keys.ts';
import { StreamForm, type TickStreams } from './stream-cells.ts';

/** What the readers of all operations share. */
export interface EffectContext {
  readonly scratch: Scratch;
  readonly streams: TickStreams;
  readonly session: SessionOfKeys;
}

/** The operations on one table, by name. */
export function operationsOn(
  context: EffectContext,
  table: TableDefinition,
): readonly { readonly name: EffectOp; readonly member: Member }[] {
  const whole = (op: EffectOp) => ({ name: op, member: new WholeRowReader(context, table, op) });
  if (table.kind === 'event') return [whole('append')];
  const keyed = (op: EffectOp, written: Written) => ({
    name: op,
    member: new KeyedReader(context, table, op, written),
  });
  const values = table.columns.filter((column) => !table.key.includes(column.name));
  const set: Written = { name: 'set', columns: values, stored: (column) => column };
  const addends = values.filter(isAdjustable);
  return [
    whole('insert'),
    keyed('upsert', set),
    keyed('compareAndSet', set),
    ...(addends.length > 0
      ? [keyed('adjust', { name: 'add', columns: addends, stored: addendColumn })]
      : []),
    keyed('delete', { ...set, columns: [] }),
  ];
}

/** Reads what stands under `append` or `insert`: a whole row, straight into its stream. */
class WholeRowReader implements Member {
  readonly #streams: TickStreams;
  readonly #form: StreamForm;
  readonly #root: KeyOrder;

  constructor({ scratch, streams }: EffectContext, table: TableDefinition, op: EffectOp) {
    const columns = table.columns.filter((column) => column.name !== 'sessionId');
    this.#streams = streams;
    this.#form = new StreamForm({
      table,
      op,
      versioned: false,
      condition: null,
      columns: () => columns.map((column) => new Cells(scratch, column)),
      operands: () => [],
    });
    const fields = columns.map(({ name, optional }) => ({ name, required: !optional }));
    this.#root = KeyOrder.rootOf(fields, scratch);
  }

  read(json: JsonCursor, text: BodyText, action: number): void {
    const stream = this.#streams.streamOf(this.#form);
    readObject(json, text, stream.begin(action, 0), this.#root, stream.columns);
  }
}

/** The columns an operation writes, under the name of their object; none: it has no such object. */
interface Written {
  readonly name: 'set' | 'add';
  readonly columns: readonly ColumnDefinition[];
  /** The column in which a value is stored. */
  readonly stored: (column: ColumnDefinition) => ColumnDefinition;
}

/**
 * Reads what stands under an operation that names its row by key. Which stream the effect goes to
 * depends on all of it, so its values wait in cells of one row until it has been read.
 */
class KeyedReader implements Member {
  readonly #context: EffectContext;
  readonly #table: TableDefinition;
  readonly #op: EffectOp;
  readonly #object: ObjectReader;
  readonly #key: readonly Cells[];
  readonly #values: readonly Cells[];
  readonly #written: ObjectReader;
  readonly #guard: GuardReader;
  readonly #forms = new Map<KeyOrder, KeyedForm[]>();
  #version: number | null = null;

  constructor(context: EffectContext, table: TableDefinition, op: EffectOp, written: Written) {
    const { scratch, session } = context;
    this.#context = context;
    this.#table = table;
    this.#op = op;
    const keyed = table.columns.filter((column) => table.key.includes(column.name));
    const keyMembers = keyed.map((column): NamedMember => {
      const { name } = column;
      return name === 'sessionId'
        ? { name, required: false, member: session }
        : { name, required: true, member: new Cells(scratch, column) };
    });
    this.#key = keyMembers.flatMap(({ member }) => (member instanceof Cells ? member : []));
    const valueMembers = written.columns.map((column) => ({
      name: column.name,
      required: false,
      member: new Cells(scratch, column, written.stored(column)),
    }));
    this.#values = valueMembers.map(({ member }) => member);
    this.#written = new ObjectReader(scratch, valueMembers);
    this.#guard = new GuardReader(scratch, table);
    this.#object = new ObjectReader(scratch, [
      { name: 'key', required: true, member: new ObjectReader(scratch, keyMembers) },
      ...(written.columns.length > 0
        ? [{ name: written.name, required: true, member: this.#written }]
        : []),
      ...(op === 'compareAndSet' || op === 'delete'
        ? [
            {
              name: 'expectedVersion',
              required: op === 'compareAndSet',
              member: this.#versionMember(),
            },
          ]
        : []),
      { name: 'require', required: false, member: this.#guard },
    ]);
  }

  read(json: JsonCursor, text: BodyText, action: number): void {
    this.#version = null;
    this.#guard.form = null;
    this.#object.read(json, text, 0);
    const version = this.#version;
    const form = this.#formOf(this.#written.order, version !== null, this.#guard.form);
    const stream = this.#context.streams.streamOf(form.streams);
    const row = stream.begin(action, version ?? 0);
    const { columns, operands } = stream;
    for (let i = 0; i < columns.length; i++) {
      (columns[i] as Cells).take(form.staged[i] as Cells, row);
    }
    for (let i = 0; i < operands.length; i++) {
      (operands[i] as Cells).take(form.guard?.operands[i] as Cells, row);
    }
  }

  #versionMember(): Member {
    return {
      read: (json) => {
        json.peek();
        if (json.isNull()) {
          if (this.#op === 'compareAndSet') throw notTaken;
          return;
        }
        this.#version = json.int();
        if (this.#version < 0) throw notTaken;
      },
    };
  }

  #formOf(written: KeyOrder, versioned: boolean, guard: GuardForm | null): KeyedForm {
    let forms = this.#forms.get(written);
    if (forms === undefined) {
      forms = [];
      this.#forms.set(written, forms);
    }
    for (const form of forms) {
      if (form.versioned === versioned && form.guard === guard) return form;
    }
    this.#context.scratch.addForm();
    const fresh = this.#newForm(written, versioned, guard);
    forms.push(fresh);
    return fresh;
  }

  #newForm(written: KeyOrder, versioned: boolean, guard: GuardForm | null): KeyedForm {
    const { scratch } = this.#context;
    const given = new Set<Cells>();
    for (let at: KeyOrder | null = written; at !== null; at = at.parent) {
      const cells = this.#values[at.field];
      if (cells) given.add(cells);
    }
    const staged = [...this.#key, ...this.#values.filter((cells) => given.has(cells))];
    const streams = new StreamForm({
      table: this.#table,
      op: this.#op,
      versioned,
      condition: guard?.condition() ?? null,
      columns: () => staged.map((cells) => cells.another(scratch)),
      operands: () => (guard?.operands ?? []).map((cells) => cells.another(scratch)),
    });
    return { versioned, guard, staged, streams };
  }
}

/** Effects of one form: those that share a stream. */
interface KeyedForm {
  readonly versioned: boolean;
  readonly guard: GuardForm | null;
  /** The cells that hold the effect read last, in the order of the stream's columns. */
  readonly staged: readonly Cells[];
  readonly streams: StreamForm;
}
