import type { EffectInput, TickInput } from '../../engine/intake/rows/row-input.ts';
import type { Catalog } from '../../engine/model/catalog.ts';
import type { ConflictCode } from '../../engine/model/system-columns.ts';
import type { Parts, Row, TableDefinition, Value } from '../../engine/model/types.ts';
import { parseWhere } from '../../engine/query/parse-where.ts';
import { rowPredicate } from '../../engine/query/row-predicate.ts';
import { chainStart, type ModelRow, nextLink, type RowChange } from './naive-hash.ts';

type ModelTables = Map<string, Map<string, ModelRow>>;

interface ModelSession {
  fence: number;
  open: boolean;
  lastTick: number | null;
  abortedTick: number | null;
  stateHash: string;
  readonly answers: Map<string, { readonly content: string; readonly answer: ModelApplied }>;
  /** Keys whose answers were known once. */
  readonly forgotten: Set<string>;
}

interface ModelApplied {
  readonly kind: 'applied';
  readonly aborted: boolean;
  /** By action; the tick's own effects last. */
  readonly verdicts: readonly (ConflictCode | null)[];
  /** The session's hash after the tick; a duplicate's is that after the first. */
  readonly stateHash: string;
}

export type ModelAnswer =
  | ModelApplied
  | (Omit<ModelApplied, 'kind'> & { readonly kind: 'duplicate' })
  | { readonly kind: 'refused'; readonly code: string };

/** What the engine must do, as plainly as it can be said: maps, copies, no cleverness. */
export class NaiveModel {
  tables: ModelTables;
  /** Every row that was ever written, what was taken back included. */
  readonly everWritten: ReadonlyMap<string, Row[]>;
  readonly sessions = new Map<string, ModelSession>();
  readonly #catalog: Catalog;
  /** What holds so far of the tick at hand: table and id, in order. */
  #writes: { readonly table: TableDefinition; readonly id: string }[] = [];

  readonly #outcomes: Map<string, number>;
  readonly #closedAnswersMax: number;

  /** `outcomes`: where it counts what effects and ticks come to. */
  constructor(catalog: Catalog, outcomes: Map<string, number>, closedAnswersMax: number) {
    this.#outcomes = outcomes;
    this.#closedAnswersMax = closedAnswersMax;
    this.#catalog = catalog;
    this.tables = new Map(catalog.stateTables.map((table) => [table.name, new Map()]));
    this.everWritten = new Map(catalog.stateTables.map((table) => [table.name, []]));
  }

  open(sessionId: string, takeOver: boolean): void {
    const session = this.sessions.get(sessionId);
    if (!session) {
      const fresh = { fence: 1, open: true, lastTick: null, abortedTick: null };
      const empty = { stateHash: chainStart, answers: new Map(), forgotten: new Set<string>() };
      this.sessions.set(sessionId, { ...fresh, ...empty });
    } else if (takeOver) {
      session.fence++;
      session.open = true;
    }
  }

  /** Whether the session is closed now; false: there is none, or the fence is not its. */
  close(sessionId: string, fence: number | null): boolean {
    const session = this.sessions.get(sessionId);
    if (!session || (fence !== null && fence !== session.fence)) return false;
    session.open = false;
    this.#forget(session);
    return true;
  }

  /** A closed session keeps so many answers of its newest ticks by number, and as many of keys. */
  #forget({ answers, forgotten }: ModelSession): void {
    const [ticks, keys] = [true, false].map((ofTicks) =>
      [...answers.keys()].filter((key) => key.startsWith('tick ') === ofTicks),
    );
    for (const all of [ticks, keys]) {
      for (const key of all?.slice(0, -this.#closedAnswersMax) ?? []) {
        answers.delete(key);
        forgotten.add(key);
      }
    }
  }

  /** `digest`: of the tick's content, hexadecimal. */
  commit(input: TickInput, digest: string): ModelAnswer {
    const answer = this.#answer(input, digest);
    const outcome = answer.kind === 'refused' ? answer.code : answer.kind;
    const isAborted = answer.kind === 'applied' && answer.aborted;
    const what = input.header.tick === null ? 'direct write' : 'tick';
    this.#count(`${what}: ${isAborted ? 'aborted' : outcome}`);
    return answer;
  }

  #answer(input: TickInput, digest: string): ModelAnswer {
    const { header } = input;
    const session = this.sessions.get(header.sessionId);
    if (!session) {
      // A direct write needs no session; without one there is no chain for it to be in.
      const direct = header.tick === null;
      return direct
        ? this.#apply(input, digest, chainStart)
        : { kind: 'refused', code: 'NOT_FOUND' };
    }
    const key = header.idempotencyKey ?? (header.tick === null ? null : `tick ${header.tick}`);
    const known = key === null ? undefined : session.answers.get(key);
    const content = contentOf(input);
    if (known?.content === content) {
      return { ...known.answer, kind: 'duplicate' };
    }
    const refusal = this.#refusal(session, input, known !== undefined);
    if (key !== null && session.forgotten.has(key)) {
      const what = key.startsWith('tick ') ? 'tick' : 'key';
      this.#count(`forgotten ${what}: ${refusal ?? 'anew'}`);
    }
    if (refusal) return { kind: 'refused', code: refusal };
    const answer = this.#apply(input, digest, session.stateHash);
    if (answer.aborted) {
      if (header.tick !== null) session.abortedTick = header.tick;
      return answer;
    }
    session.stateHash = answer.stateHash;
    if (header.tick !== null) {
      session.lastTick = header.tick;
      session.abortedTick = null;
    }
    if (key !== null) {
      session.answers.set(key, { content, answer });
      session.forgotten.delete(key);
    }
    if (!session.open) this.#forget(session);
    return answer;
  }

  #refusal(session: ModelSession, { header }: TickInput, known: boolean): string | null {
    if (header.tick === null) return known ? 'IDEMPOTENCY_MISMATCH' : null;
    if (!session.open) return 'FENCED';
    const fenced = header.fence === null ? session.fence > 1 : header.fence !== session.fence;
    if (fenced) return 'FENCED';
    if (known) return 'IDEMPOTENCY_MISMATCH';
    const last = session.lastTick;
    if (last !== null && header.tick <= last) return 'TICK_OUT_OF_ORDER';
    if (header.afterTick === null || header.afterTick === last) return null;
    return header.afterTick === session.abortedTick ? 'TICK_ABORTED' : 'TICK_OUT_OF_ORDER';
  }

  #apply(input: TickInput, digest: string, previous: string): ModelApplied {
    const { sessionId, onConflict } = input.header;
    const before = copyOf(this.tables);
    this.#writes = [];
    const actions = input.actions.map(({ effects }) => this.#transaction(effects, sessionId));
    const own = this.#transaction(input.effects, sessionId);
    const conflicted = actions.some((verdict) => verdict !== null);
    const aborted = own !== null || (conflicted && onConflict === 'ABORT_TICK');
    const verdicts = [...actions, own];
    if (aborted) {
      this.tables = before;
      return { kind: 'applied', aborted, verdicts, stateHash: previous };
    }
    const stateHash = nextLink(previous, digest, actions, this.#changesSince(before, input));
    return { kind: 'applied', aborted, verdicts, stateHash };
  }

  /** Tables as effects first name them, rejected ones included; rows as they were first written. */
  #changesSince(before: ModelTables, input: TickInput): Map<TableDefinition, RowChange[]> {
    const effects = [...input.actions.flatMap((action) => action.effects), ...input.effects];
    const changed = new Map<TableDefinition, RowChange[]>();
    for (const name of new Set(effects.map((effect) => effect.table))) {
      const written = this.#writes.filter(({ table }) => table.name === name);
      const changes = [...new Set(written.map(({ id }) => id))].flatMap((id): RowChange[] => {
        const old = before.get(name)?.get(id) ?? null;
        const after = this.tables.get(name)?.get(id) ?? null;
        if (after) return [{ before: old, after }];
        return old ? [{ before: old, after }] : [];
      });
      if (changes.length > 0) changed.set(this.#catalog.table(name), changes);
    }
    return changed;
  }

  #transaction(effects: readonly EffectInput[], sessionId: string): ConflictCode | null {
    const before = copyOf(this.tables);
    const writes = this.#writes.length;
    for (const effect of effects) {
      const conflict = this.#effect(effect, sessionId);
      if (conflict) {
        this.tables = before;
        this.#writes.length = writes;
        return conflict;
      }
    }
    return null;
  }

  #effect(effect: EffectInput, sessionId: string): ConflictCode | null {
    const conflict = this.#verdict(effect, sessionId);
    this.#count(`${effect.op}: ${conflict ?? 'holds'}`);
    const isGuarded = 'require' in effect && effect.require !== null;
    if (isGuarded) this.#count(`${effect.op} under a require: ${conflict ?? 'holds'}`);
    return conflict;
  }

  #count(outcome: string): void {
    this.#outcomes.set(outcome, (this.#outcomes.get(outcome) ?? 0) + 1);
  }

  #verdict(effect: EffectInput, sessionId: string): ConflictCode | null {
    const table = this.#catalog.table(effect.table);
    if (effect.op === 'append') return isRepresentable(table, effect.row) ? null : 'OUT_OF_RANGE';
    const given = effect.op === 'insert' ? effect.row : effect.key;
    const key = Object.fromEntries(
      table.key.map((name) => [name, name === 'sessionId' ? sessionId : (given[name] as Value)]),
    );
    const rows = this.tables.get(effect.table) as Map<string, ModelRow>;
    const id = canonical(key);
    const existing = rows.get(id);
    const guard = (row: Row): boolean => {
      const columns = new Map(table.columns.map((column) => [column.name, column]));
      const require = 'require' in effect ? effect.require : null;
      return rowPredicate(parseWhere(columns, require, 'require'))(row);
    };
    const write = (cells: Row, version: number) => {
      const row = stored(table, { ...cells, ...key });
      rows.set(id, { row, version });
      this.#writes.push({ table, id });
      this.everWritten.get(table.name)?.push(row);
      return null;
    };
    switch (effect.op) {
      case 'insert':
        if (existing) return 'ROW_EXISTS';
        return isRepresentable(table, effect.row) ? write(effect.row, 1) : 'OUT_OF_RANGE';
      case 'upsert': {
        const missing = table.columns.some(
          (c) => !c.optional && !table.key.includes(c.name) && effect.set[c.name] === undefined,
        );
        if (!existing && missing) return 'ROW_NOT_FOUND';
        if (existing && !guard(existing.row)) return 'GUARD_FAILED';
        if (!isRepresentable(table, effect.set)) return 'OUT_OF_RANGE';
        return write({ ...existing?.row, ...effect.set }, (existing?.version ?? 0) + 1);
      }
      case 'compareAndSet':
        if (!existing) return 'ROW_NOT_FOUND';
        if (existing.version !== effect.expectedVersion) return 'VERSION_MISMATCH';
        if (!guard(existing.row)) return 'GUARD_FAILED';
        if (!isRepresentable(table, effect.set)) return 'OUT_OF_RANGE';
        return write({ ...existing.row, ...effect.set }, existing.version + 1);
      case 'adjust': {
        if (!existing) return 'ROW_NOT_FOUND';
        const sums: { [column: string]: Value } = {};
        for (const [name, addend] of Object.entries(effect.add)) {
          const old = existing.row[name] ?? null;
          const isWide = typeof addend === 'bigint';
          if (typeof addend === 'object' && addend !== null) {
            sums[name] = partsAdded(old as Parts | null, addend as Parts);
            continue;
          }
          sums[name] =
            addend === null
              ? old
              : isWide
                ? ((old ?? 0n) as bigint) + addend
                : ((old ?? 0) as number) + (addend as number);
        }
        if (!isRepresentable(table, sums)) return 'OUT_OF_RANGE';
        const result = stored(table, { ...existing.row, ...sums });
        return guard(result) ? write(result, existing.version + 1) : 'GUARD_FAILED';
      }
      case 'delete':
        if (!existing) return 'ROW_NOT_FOUND';
        if (effect.expectedVersion !== null && effect.expectedVersion !== existing.version) {
          return 'VERSION_MISMATCH';
        }
        if (!guard(existing.row)) return 'GUARD_FAILED';
        rows.delete(id);
        this.#writes.push({ table, id });
        return null;
    }
  }
}

/** A part that is not named stays as it is, bit by bit; of no value all are zero. */
function partsAdded(old: Parts | null, addend: Parts): Parts {
  const whole: Parts = old ?? { x: 0, y: 0, z: 0 };
  const sums = Object.entries(addend).map(([part, more]) => [part, (whole[part] as number) + more]);
  return { ...whole, ...Object.fromEntries(sums) };
}

const ranges: { readonly [kind: string]: readonly [number | bigint, number | bigint] } = {
  u8: [0, 255],
  i16: [-32_768, 32_767],
  u32: [0, 4_294_967_295],
  i64: [-(2n ** 63n), 2n ** 63n - 1n],
  u64: [0n, 2n ** 64n - 1n],
};

export function isRepresentable({ columns }: Pick<TableDefinition, 'columns'>, row: Row): boolean {
  return columns.every((column) => {
    const value = row[column.name] ?? null;
    if (value === null) return true;
    if (column.kind === 'f64') return Number.isFinite(value);
    if (column.kind === 'f32') return Number.isFinite(Math.fround(value as number));
    if (column.kind === 'vec3') {
      return Object.values(value).every((part) => Number.isFinite(Math.fround(part as number)));
    }
    const range = ranges[column.kind];
    return !range || ((value as number) >= range[0] && (value as number) <= range[1]);
  });
}

/** The row as memory holds it: every column, floats rounded to their width. */
function stored(table: TableDefinition, row: Row): Row {
  return Object.fromEntries(
    table.columns.map((column) => {
      const value = row[column.name] ?? null;
      if (value === null) return [column.name, value];
      if (column.kind === 'vec3') {
        const { x, y, z } = value as Parts;
        const [fx, fy, fz] = [x, y, z].map((part) => Math.fround(part as number));
        return [column.name, { x: fx, y: fy, z: fz }];
      }
      return [column.name, column.kind === 'f32' ? Math.fround(value as number) : value];
    }),
  );
}

function copyOf(tables: ModelTables): ModelTables {
  return new Map([...tables].map(([name, rows]) => [name, new Map(rows)]));
}

/** What makes a tick the same when it is sent again. */
export function contentOf({ header, actions, effects }: TickInput): string {
  return canonical([header.tick, header.onConflict, actions, effects]);
}

export function canonical(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => {
    if (typeof part === 'bigint') return `${part}n`;
    if (typeof part === 'number' && !Number.isFinite(part)) return String(part);
    if (Object.is(part, -0)) return '-0';
    return part;
  });
}
