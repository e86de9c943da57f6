import { type ColumnSpecs, RowCodec } from './columns.ts';

/**
 * What the runtime knows of a title: names and kinds, as generated code states them. `as` is the
 * name's form in GraphQL types (`UnitState`); fields carry the name itself (`unitState`).
 */
export interface TitleDescriptor {
  readonly title: string;
  readonly version: number;
  /** The hash of the manifest that the code was generated from; what fits it is known by it. */
  readonly manifest?: string;
  readonly tables: { readonly [table: string]: TableDescriptor };
  readonly views: { readonly [view: string]: ViewDescriptor };
}

export interface TableDescriptor {
  readonly as: string;
  readonly kind: 'action' | 'event' | 'state';
  /** State tables: the key's columns in order. */
  readonly key?: readonly string[];
  readonly columns: ColumnSpecs;
  readonly values?: EnumValues;
  /** The property of clients and ticks, where the name itself is taken. */
  readonly accessor?: string;
}

export interface ViewDescriptor {
  readonly as: string;
  readonly key: readonly string[];
  readonly columns: ColumnSpecs;
  readonly values?: EnumValues;
}

/** The values of enum columns, by column. */
export type EnumValues = { readonly [column: string]: readonly string[] };

/** A title's descriptor with the codec of each table and view. */
export class Title {
  readonly name: string;
  readonly tables: ReadonlyMap<string, TableDescriptor>;
  readonly #codecs = new Map<string, RowCodec>();
  readonly #descriptors = new Map<string, TableDescriptor | ViewDescriptor>();

  constructor(descriptor: TitleDescriptor) {
    this.name = descriptor.title;
    this.tables = new Map(Object.entries(descriptor.tables));
    const views = Object.entries(descriptor.views);
    for (const [name, part] of [...this.tables, ...views]) {
      this.#descriptors.set(name, part);
      this.#codecs.set(name, new RowCodec(name, part.columns));
    }
  }

  codec(source: string): RowCodec {
    const codec = this.#codecs.get(source);
    if (!codec) throw new RangeError(`title "${this.name}" has no table or view "${source}"`);
    return codec;
  }

  /** The name in GraphQL types. */
  typeName(source: string): string {
    return this.#descriptors.get(source)?.as ?? source;
  }

  key(source: string): readonly string[] {
    return this.#descriptors.get(source)?.key ?? [];
  }
}
