import type { ColumnDefinition, TableDefinition } from '../model/types.ts';
import type { GuardCondition } from '../query/guard.ts';
import { operandColumn } from '../query/guard.ts';
import { operatorsOf } from '../query/where-operators.ts';
import type { BodyText } from './body-text.ts';
import { Cells } from './cells.ts';
import type { JsonCursor } from './json-cursor.ts';
import { notTaken } from './not-taken.ts';
import { type Member, ObjectReader } from './object-reader.ts';
import type { Scratch } from './scratch.ts';

/**
 * Reads the `require` of effects on one table, where it is a conjunction of comparisons and tests
 * for null; what has lists or connectives is left to the general path.
 */
export class GuardReader implements Member {
  readonly #root: GuardForm;
  readonly #object: ObjectReader;
  /** The form of the `require` read last; its values are in the form's operands. */
  form: GuardForm | null = null;

  constructor(scratch: Scratch, table: TableDefinition) {
    this.#root = new GuardForm(scratch, [], []);
    this.#object = new ObjectReader(
      scratch,
      table.columns.map((column) => ({
        name: column.name,
        required: false,
        member: this.#ofColumn(scratch, column),
      })),
    );
  }

  read(json: JsonCursor, text: BodyText, row: number): void {
    json.peek();
    this.form = null;
    if (json.isNull()) return;
    this.form = this.#root;
    this.#object.read(json, text, row);
  }

  #ofColumn(scratch: Scratch, column: ColumnDefinition): Member {
    const operators = operatorsOf(column);
    const comparisons = comparisonOps.filter((op) => operators.includes(op));
    return new ObjectReader(scratch, [
      ...comparisons.map((op) => ({
        name: op,
        required: false,
        member: this.#comparison({ column, op }),
      })),
      { name: 'isNull', required: false, member: this.#nullTest(column) },
    ]);
  }

  #comparison(term: Term): Member {
    return {
      read: (json, text) => {
        this.form = (this.form as GuardForm).with(term);
        this.form.readOperand(json, text);
      },
    };
  }

  #nullTest(column: ColumnDefinition): Member {
    const isNull: Term = { column, op: 'isNull' };
    const isPresent: Term = { column, op: 'isPresent' };
    return {
      read: (json) => {
        json.peek();
        this.form = (this.form as GuardForm).with(json.boolean() ? isNull : isPresent);
      },
    };
  }
}

const comparisonOps = ['eq', 'ne', 'lt', 'lte', 'gt', 'gte'] as const;

interface Term {
  readonly column: ColumnDefinition;
  readonly op: (typeof comparisonOps)[number] | 'isNull' | 'isPresent';
}

/**
 * What `require`s have in common that differ in the values compared with alone: the terms in their
 * order. A tree, with a node for each beginning of such a list.
 */
export class GuardForm {
  /** What is compared with, as the `require` read last has it. */
  readonly operands: readonly Cells[];
  readonly #scratch: Scratch;
  readonly #terms: readonly Term[];
  readonly #last: Term | null;
  readonly #next: GuardForm[] = [];

  constructor(scratch: Scratch, terms: readonly Term[], operands: readonly Cells[]) {
    this.#scratch = scratch;
    this.#terms = terms;
    this.#last = terms.at(-1) ?? null;
    this.operands = operands;
  }

  /** The form with one term more. */
  with(term: Term): GuardForm {
    for (const known of this.#next) if (known.#last === term) return known;
    this.#scratch.addForm();
    const form = new GuardForm(
      this.#scratch,
      [...this.#terms, term],
      isComparison(term)
        ? [...this.operands, new Cells(this.#scratch, operandColumn(term.column))]
        : this.operands,
    );
    this.#next.push(form);
    return form;
  }

  /** Reads the operand of the last term. */
  readOperand(json: JsonCursor, text: BodyText): void {
    const operand = this.operands.at(-1) as Cells;
    operand.read(json, text, 0);
    const { kind } = operand.column;
    // Long texts make a form of their own, and the engine refuses halves of surrogate pairs.
    if (kind === 'string' && (json.escaped || json.to - json.from >= 1024)) throw notTaken;
    if (kind === 'f32' && !Number.isFinite(Math.fround(operand.firstNumber))) throw notTaken;
  }

  /** The condition, as `readGuard` spells it. */
  condition(): GuardCondition {
    let operand = 0;
    const all = this.#terms.map((term): GuardCondition => {
      const column = term.column.name;
      return isComparison(term)
        ? { kind: 'compare', column, op: term.op, operand: operand++ }
        : { kind: 'isNull', column, isNull: term.op === 'isNull' };
    });
    const [only] = all;
    return only && all.length === 1 && !this.#isSimple ? only : { kind: 'and', all };
  }

  /** Whether `readGuard` reads it without `parseWhere`. */
  get #isSimple(): boolean {
    return this.#terms.every((term) => isComparison(term) && simpleKinds.has(term.column.kind));
  }
}

const simpleKinds: ReadonlySet<string> = new Set(['u32', 'f64', 'string', 'bool']);

function isComparison(term: Term): term is Term & { readonly op: (typeof comparisonOps)[number] } {
  return term.op !== 'isNull' && term.op !== 'isPresent';
}
