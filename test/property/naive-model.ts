import type { Catalog } from '../../engine/manifest/catalog.ts';
import type { ConflictCode } from '../../engine/manifest/system-columns.ts';
import type { Row, TableDefinition, Value } from '../../engine/manifest/types.ts';
import { parseWhere } from '../../engine/query/parse-where.ts';
import { rowPredicate } from '../../engine/query/row-predicate.ts';
import type { EffectInput, TickInput } from '../../engine/tick/row-input.ts';

/** What the engine must do, as plainly as it can be said: maps, copies, no cleverness. */
export interface ModelRow {
  readonly row: Row;
  readonly version: number;
}
export type ModelTables = Map<string, Map<string, ModelRow>>;

interface ModelSession {
  fence: number;
  open: boolean;
  lastTick: number | null;
  abortedTick: number | null;
  readonly answers: Map<string, { readonly content: string; readonly answer: ModelAnswer }>;
}

export type ModelAnswer =
  | { readonly kind: 'refused'; readonly code: string }
  | {
      readonly kind: 'applied' | 'duplicate';
      readonly aborted: boolean;
      /** By action; the tick's own effects last. */
      readonly verdicts: readonly (ConflictCode | null)[];
    };

export class NaiveModel {
  tables: ModelTables;
  readonly sessions = new Map<string, ModelSession>();
  readonly #catalog: Catalog;

  constructor(catalog: Catalog) {
    this.#catalog = catalog;
    this.tables = new Map(catalog.stateTables.map((table) => [table.name, new Map()]));
  }

  open(sessionId: string, takeOver: boolean): void {
    const session = this.sessions.get(sessionId);
    if (!session) {
      const fresh = { fence: 1, open: true, lastTick: null, abortedTick: null };
      this.sessions.set(sessionId, { ...fresh, answers: new Map() });
    } else if (takeOver) {
      session.fence++;
      session.open = true;
    }
  }

  commit(input: TickInput): ModelAnswer {
    const { header } = input;
    const session = this.sessions.get(header.sessionId);
    if (!session) return { kind: 'refused', code: 'NOT_FOUND' };
    const key = header.idempotencyKey ?? `tick ${header.tick}`;
    const content = canonical([header.tick, header.onConflict, input.actions, input.effects]);
    const known = session.answers.get(key);
    if (known?.content === content && known.answer.kind === 'applied') {
      return { ...known.answer, kind: 'duplicate' };
    }
    const refusal = this.#refusal(session, input, known !== undefined);
    if (refusal) return { kind: 'refused', code: refusal };
    const answer = this.#apply(input);
    const tick = header.tick as number;
    if (answer.kind === 'applied' && answer.aborted) {
      session.abortedTick = tick;
      return answer;
    }
    session.lastTick = tick;
    session.abortedTick = null;
    session.answers.set(key, { content, answer });
    return answer;
  }

  #refusal(session: ModelSession, { header }: TickInput, known: boolean): string | null {
    if (!session.open) return 'FENCED';
    const fenced = header.fence === null ? session.fence > 1 : header.fence !== session.fence;
    if (fenced) return 'FENCED';
    if (known) return 'IDEMPOTENCY_MISMATCH';
    const last = session.lastTick;
    if (last !== null && (header.tick as number) <= last) return 'TICK_OUT_OF_ORDER';
    if (header.afterTick === null || header.afterTick === last) return null;
    return header.afterTick === session.abortedTick ? 'TICK_ABORTED' : 'TICK_OUT_OF_ORDER';
  }

  #apply(input: TickInput): ModelAnswer {
    const before = copyOf(this.tables);
    const verdicts: (ConflictCode | null)[] = input.actions.map((action) => {
      return this.#transaction(action.effects, input.header.sessionId);
    });
    const own = this.#transaction(input.effects, input.header.sessionId);
    verdicts.push(own);
    const conflicted = verdicts.slice(0, -1).some((verdict) => verdict !== null);
    const aborted = own !== null || (conflicted && input.header.onConflict === 'ABORT_TICK');
    if (aborted) this.tables = before;
    return { kind: 'applied', aborted, verdicts };
  }

  #transaction(effects: readonly EffectInput[], sessionId: string): ConflictCode | null {
    const before = copyOf(this.tables);
    for (const effect of effects) {
      const conflict = this.#effect(effect, sessionId);
      if (conflict) {
        this.tables = before;
        return conflict;
      }
    }
    return null;
  }

  #effect(effect: EffectInput, sessionId: string): ConflictCode | null {
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
    const write = (row: Row, version: number) => {
      rows.set(id, { row: stored(table, { ...row, ...key }), version });
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
        return null;
    }
  }
}

const ranges: { readonly [kind: string]: readonly [number | bigint, number | bigint] } = {
  u8: [0, 255],
  i16: [-32_768, 32_767],
  u32: [0, 4_294_967_295],
  i64: [-(2n ** 63n), 2n ** 63n - 1n],
  u64: [0n, 2n ** 64n - 1n],
};

function isRepresentable(table: TableDefinition, row: Row): boolean {
  return table.columns.every((column) => {
    const value = row[column.name] ?? null;
    if (value === null) return true;
    if (column.kind === 'f64') return Number.isFinite(value);
    if (column.kind === 'f32') return Number.isFinite(Math.fround(value as number));
    const range = ranges[column.kind];
    return !range || ((value as number) >= range[0] && (value as number) <= range[1]);
  });
}

/** The row as memory holds it: every column, floats rounded to their width. */
function stored(table: TableDefinition, row: Row): Row {
  return Object.fromEntries(
    table.columns.map((column) => {
      const value = row[column.name] ?? null;
      const narrow = column.kind === 'f32' && value !== null;
      return [column.name, narrow ? Math.fround(value as number) : value];
    }),
  );
}

function copyOf(tables: ModelTables): ModelTables {
  return new Map([...tables].map(([name, rows]) => [name, new Map(rows)]));
}

export function canonical(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => {
    if (typeof part === 'bigint') return `${part}n`;
    if (typeof part === 'number' && !Number.isFinite(part)) return String(part);
    if (Object.is(part, -0)) return 0;
    return part;
  });
}
