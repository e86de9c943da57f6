import type { RowCodec, Vec3 } from './columns.ts';
import type { RowInput, RowPatch, Where } from './row-types.ts';
import type { Title } from './title.ts';

/** Columns the server writes; in state tables' rows. */
export type StateSystemColumn = 'version' | 'position' | 'committedAt';
/** Columns the server writes; in event tables' rows. */
export type EventSystemColumn = 'sessionId' | 'tick' | 'seq' | 'position' | 'committedAt';
/** Columns the server writes; in the action table's rows. `actionId` comes with the action. */
export type ActionSystemColumn = EventSystemColumn | 'accepted' | 'conflict';

/** What comes with an action: its id (unique in the tick) and the action table's columns. */
export type ActionInput<Row> = RowInput<Omit<Row, ActionSystemColumn>>;
/** A row of an event table, as appended. */
export type EventInput<Row> = RowInput<Omit<Row, EventSystemColumn>>;
/** The key inside a tick: `sessionId` is the tick's. */
export type TickKey<Row, Key extends keyof Row> = Pick<Row, Exclude<Key, 'sessionId'>>;
/** A row of a state table, as inserted. */
export type StateInput<Row> = RowInput<Omit<Row, StateSystemColumn | 'sessionId'>>;
/** The columns of a state row that a write may set. */
export type StatePatch<Row, Key extends keyof Row> = RowPatch<Omit<Row, StateSystemColumn | Key>>;
/** What to add to numeric columns, and to the parts of others. */
export type StateAddition<Row, Key extends keyof Row> = {
  readonly [Column in keyof Omit<Row, StateSystemColumn | Key> as [
    NonNullable<Row[Column]>,
  ] extends [number | bigint | Vec3]
    ? Column
    : never]?: Addend<NonNullable<Row[Column]>> | undefined;
};
type Addend<Value> = [Value] extends [Vec3] ? Partial<Vec3> : Value;

export interface Guarded<Row> {
  /** Must hold on the row (for `adjust`: on the result), or the effect is a `GUARD_FAILED`. */
  readonly require?: Where<Omit<Row, StateSystemColumn>> | undefined;
}

export interface GuardedDelete<Row> extends Guarded<Row> {
  readonly expectedVersion?: number | undefined;
}

/** Effects on one state table. Each returns the action (or tick) it was added to. */
export interface StateEffects<Self, Row, Key extends keyof Row> {
  /** `ROW_EXISTS` if the key is taken. */
  insert(row: StateInput<Row>): Self;
  upsert(key: TickKey<Row, Key>, set: StatePatch<Row, Key>, options?: Guarded<Row>): Self;
  /** `VERSION_MISMATCH` unless the row has `expectedVersion`. */
  compareAndSet(
    key: TickKey<Row, Key>,
    expectedVersion: number,
    set: StatePatch<Row, Key>,
    options?: Guarded<Row>,
  ): Self;
  adjust(key: TickKey<Row, Key>, add: StateAddition<Row, Key>, options?: Guarded<Row>): Self;
  delete(key: TickKey<Row, Key>, options?: GuardedDelete<Row>): Self;
}

/** Effects on one event table. */
export interface EventEffects<Self, Row> {
  append(row: EventInput<Row>): Self;
}

/** A tick under construction: actions in order, and the tick's own effects after them. */
export interface TickBuilder<ActionRow, Action> {
  action(row: ActionInput<ActionRow>): Action;
}

type WireEffect = Readonly<Record<string, unknown>>;

/** The two lists of `CommitTickInput`, in GraphQL's shape. */
export interface WireTick {
  readonly actions: readonly Readonly<Record<string, unknown>>[];
  readonly effects: readonly WireEffect[];
}

export interface TickRecorder<Tick> {
  readonly tick: Tick;
  readonly recorded: WireTick;
}

/**
 * Makes builders for a title. The builder's table properties are getters on one prototype, made
 * once: recording an effect allocates the effect and little else.
 */
export function tickRecorders<Tick>(title: Title): () => TickRecorder<Tick> {
  const actionTable = [...title.tables].find(([, table]) => table.kind === 'action')?.[0];
  if (actionTable === undefined) throw new RangeError(`title "${title.name}" has no action table`);
  const actionCodec = title.codec(actionTable);

  class Recorder {
    readonly $effects: WireEffect[] = [];
  }
  for (const [name, table] of title.tables) {
    if (table.kind === 'action') continue;
    const codec = title.codec(name);
    Object.defineProperty(Recorder.prototype, table.accessor ?? name, {
      get(this: Recorder) {
        return table.kind === 'event'
          ? new EventRecorder(this, name, codec)
          : new StateRecorder(this, name, codec);
      },
    });
  }

  class TopRecorder extends Recorder {
    readonly $actions: Record<string, unknown>[] = [];

    action(row: object): Recorder {
      const action = new Recorder();
      this.$actions.push({ ...actionCodec.encode(row), effects: action.$effects });
      return action;
    }
  }

  return () => {
    const recorder = new TopRecorder();
    return {
      tick: recorder as unknown as Tick,
      recorded: { actions: recorder.$actions, effects: recorder.$effects },
    };
  };
}

/** The dollar keeps these apart from table names, which have none. */
interface EffectList {
  readonly $effects: WireEffect[];
}

class EventRecorder<Self extends EffectList> {
  readonly #self: Self;
  readonly #table: string;
  readonly #codec: RowCodec;

  constructor(self: Self, table: string, codec: RowCodec) {
    this.#self = self;
    this.#table = table;
    this.#codec = codec;
  }

  append(row: object): Self {
    this.#self.$effects.push({ [this.#table]: { append: this.#codec.encode(row) } });
    return this.#self;
  }
}

interface WireGuards {
  readonly require?: object | undefined;
  readonly expectedVersion?: number | undefined;
}

class StateRecorder<Self extends EffectList> {
  readonly #self: Self;
  readonly #table: string;
  readonly #codec: RowCodec;

  constructor(self: Self, table: string, codec: RowCodec) {
    this.#self = self;
    this.#table = table;
    this.#codec = codec;
  }

  insert(row: object): Self {
    return this.#push('insert', this.#codec.encode(row));
  }

  upsert(key: object, set: object, options?: WireGuards): Self {
    return this.#push('upsert', this.#keyed(key, options, { set: this.#codec.encode(set) }));
  }

  compareAndSet(key: object, expectedVersion: number, set: object, options?: WireGuards): Self {
    const rest = { expectedVersion, set: this.#codec.encode(set) };
    return this.#push('compareAndSet', this.#keyed(key, options, rest));
  }

  adjust(key: object, add: object, options?: WireGuards): Self {
    return this.#push('adjust', this.#keyed(key, options, { add: this.#codec.encode(add) }));
  }

  delete(key: object, options?: WireGuards): Self {
    const expectedVersion = options?.expectedVersion;
    const rest = expectedVersion === undefined ? {} : { expectedVersion };
    return this.#push('delete', this.#keyed(key, options, rest));
  }

  #keyed(key: object, options: WireGuards | undefined, rest: object): object {
    const keyed = { key: this.#codec.encode(key), ...rest };
    if (options?.require === undefined) return keyed;
    return { ...keyed, require: this.#codec.encodeWhere(options.require) };
  }

  #push(operation: string, effect: object): Self {
    this.#self.$effects.push({ [this.#table]: { [operation]: effect } });
    return this.#self;
  }
}
