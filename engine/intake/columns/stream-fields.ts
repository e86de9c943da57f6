import { EngineError } from '../../model/errors.ts';
import type { ColumnDefinition } from '../../model/types.ts';

/** One column of a stream, and by what its values are read; that is the body format's own. */
export interface ColumnPlan<Read> {
  readonly column: ColumnDefinition;
  readonly field: string;
  /** Null: the client did not send it, and need not. */
  readonly read: Read | null;
}

/** Gives by what a field is read as `column`. Throws for a type that the column does not take. */
export type FieldReader<Read> = (name: string, column: ColumnDefinition, place: string) => Read;

/** The fields of a stream by name, as plans of columns look for them. */
export class StreamFields<Read> {
  readonly place: string;
  readonly names: readonly string[];
  readonly #fields: ReadonlySet<string>;
  readonly #readerOf: FieldReader<Read>;

  constructor(names: readonly string[], place: string, readerOf: FieldReader<Read>) {
    this.place = place;
    this.names = names;
    this.#fields = new Set(names);
    this.#readerOf = readerOf;
  }

  has(name: string): boolean {
    return this.#fields.has(name);
  }

  /** Throws where the field is of another type, or missing and not optional. */
  plan(name: string, column: ColumnDefinition): ColumnPlan<Read> {
    if (this.#fields.has(name)) {
      return { column, field: name, read: this.#readerOf(name, column, `${this.place}.${name}`) };
    }
    if (!column.optional) throw badStream(this.place, `column "${name}" is missing`, name);
    return { column, field: name, read: null };
  }

  /** Throws for a field that is there twice, or is none of those known. */
  refuseOthers(known: ReadonlySet<string>): void {
    if (this.#fields.size < this.names.length) {
      const twice = this.names.find((name, i) => this.names.indexOf(name) !== i);
      throw badStream(this.place, `column "${twice}" is there twice`, twice);
    }
    const unknown = this.names.find((name) => !known.has(name));
    if (unknown === undefined) return;
    throw badStream(this.place, `there is no column "${unknown}" to give here`, unknown);
  }
}

/** How errors name a stream of a body. */
export function placeOf(index: number, label: string): string {
  return `stream ${index} ${label}`;
}

/** `column`: the one of the stream that is wrong, where it is one. */
export function badStream(place: string, complaint: string, column?: string): EngineError {
  const path = column === undefined ? place : `${place}.${column}`;
  return new EngineError('BAD_USER_INPUT', `${place}: ${complaint}`, { details: { path } });
}
