import type { RowCodec } from './columns.ts';
import type { Vec3 } from './kinds.ts';
import type { RowInput, RowPatch, Where } from './row-types.ts';
import { EffectOwner, type RecordedEffect, SchemaMessages, TickBody } from './tick-body.ts';
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

/** The row of an action, as the ticks of a title take it. */
export type ActionRowOf<Tick> = Tick extends { action(row: infer Row): unknown } ? Row : never;
/** What takes an action's effects, by table. */
export type ActionOf<Tick> = Tick extends { action(row: never): infer Action } ? Action : never;

export interface TickRecorder<Tick> {
  readonly tick: Tick;
  readonly body: TickBody;
}

/** An effect and the table it is on. */
interface OwnedEffect extends RecordedEffect {
  readonly codec: RowCodec;
}

/** An action by itself, before it is known which tick it travels in. */
export interface RecordedAction {
  readonly row: object;
  readonly effects: readonly OwnedEffect[];
}

/** Makes builders for a title's ticks, and for single actions. */
export interface TickRecorders<Tick> {
  tick(sessionId: string): TickRecorder<Tick>;
  /** Records an action; rows are copied, what lies within them is not. */
  action(row: object, build: ((action: ActionOf<Tick>) => unknown) | undefined): RecordedAction;
  /** The body of a tick of these actions. Throws what a value of theirs is refused with. */
  bodyOf(sessionId: string, actions: readonly RecordedAction[]): Uint8Array;
}

/**
 * The builder's table properties are getters on one
 * prototype, made once; what is recorded goes into the columns of the body at once.
 */
export function tickRecorders<Tick>(title: Title): TickRecorders<Tick> {
  const actionTable = [...title.tables].find(([, table]) => table.kind === 'action')?.[0];
  if (actionTable === undefined) throw new RangeError(`title "${title.name}" has no action table`);
  const actionCodec = title.codec(actionTable);
  const schemas = new SchemaMessages();

  /** The dollar keeps these apart from table names, which have none. */
  abstract class EffectTables {
    abstract $add(codec: RowCodec, effect: RecordedEffect): void;
  }
  for (const [name, table] of title.tables) {
    if (table.kind === 'action') continue;
    const codec = title.codec(name);
    Object.defineProperty(EffectTables.prototype, table.accessor ?? name, {
      get(this: EffectTables) {
        return new EffectRecorder(this, codec);
      },
    });
  }

  class Recorder extends EffectTables {
    readonly $body: TickBody;
    readonly $owner: EffectOwner;

    constructor(body: TickBody, action: number | null) {
      super();
      this.$body = body;
      this.$owner = new EffectOwner(action);
    }

    $add(codec: RowCodec, effect: RecordedEffect): void {
      this.$body.addEffect(this.$owner, codec, effect);
    }
  }

  class TopRecorder extends Recorder {
    action(row: object): Recorder {
      return new Recorder(this.$body, this.$body.addAction(row));
    }
  }

  class ActionRecorder extends EffectTables {
    readonly $effects: OwnedEffect[] = [];

    /** Member by member: this is called for every effect that is submitted. */
    $add(codec: RowCodec, effect: RecordedEffect): void {
      const { op, row, change, expectedVersion, require } = effect;
      const copy = { ...row };
      const changeCopy = change === undefined ? undefined : { ...change };
      this.$effects.push({ codec, op, row: copy, change: changeCopy, expectedVersion, require });
    }
  }

  const bodyFor = (sessionId: string) => new TickBody(sessionId, actionCodec, schemas);
  return {
    tick(sessionId) {
      const body = bodyFor(sessionId);
      return { tick: new TopRecorder(body, null) as unknown as Tick, body };
    },
    action(row, build) {
      const recorder = new ActionRecorder();
      refusePromise(build?.(recorder as unknown as ActionOf<Tick>));
      return { row: { ...row }, effects: recorder.$effects };
    },
    bodyOf(sessionId, actions) {
      const body = bodyFor(sessionId);
      for (const { row, effects } of actions) {
        const owner = new EffectOwner(body.addAction(row));
        for (const effect of effects) body.addEffect(owner, effect.codec, effect);
      }
      return body.encode();
    },
  };
}

/** Throws where what built a tick or an action goes on building it later. */
export function refusePromise(returned: unknown): void {
  if (!(returned instanceof Promise)) return;
  throw new TypeError('it is built synchronously: fetch what it needs before');
}

interface Owner {
  $add(codec: RowCodec, effect: RecordedEffect): void;
}

/** `StateEffects` and `EventEffects`; the types let each table have its own alone. */
class EffectRecorder<Self extends Owner> {
  readonly #self: Self;
  readonly #codec: RowCodec;

  constructor(self: Self, codec: RowCodec) {
    this.#self = self;
    this.#codec = codec;
  }

  append(row: object): Self {
    return this.#add({ op: 'append', row });
  }

  insert(row: object): Self {
    return this.#add({ op: 'insert', row });
  }

  upsert(row: object, change: object, options?: Guarded<object>): Self {
    return this.#add({ op: 'upsert', row, change, require: options?.require });
  }

  compareAndSet(
    row: object,
    expectedVersion: number,
    change: object,
    options?: Guarded<object>,
  ): Self {
    const { require } = options ?? {};
    return this.#add({ op: 'compareAndSet', row, change, expectedVersion, require });
  }

  adjust(row: object, change: object, options?: Guarded<object>): Self {
    return this.#add({ op: 'adjust', row, change, require: options?.require });
  }

  delete(row: object, options?: GuardedDelete<object>): Self {
    const { expectedVersion, require } = options ?? {};
    return this.#add({ op: 'delete', row, expectedVersion, require });
  }

  #add(effect: RecordedEffect): Self {
    this.#self.$add(this.#codec, effect);
    return this.#self;
  }
}
