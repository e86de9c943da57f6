import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { finish } from '../../engine/govern/work.ts';
import { asLsn, type Lsn } from '../../engine/model/position.ts';
import type { GroupViewDefinition, Row } from '../../engine/model/types.ts';
import { type ColumnBatch, valueAt } from '../../engine/vectors/column-vector.ts';
import { chunkRowBits } from '../../engine/views/checkpoint/view-checkpoint.ts';
import type { TickMark } from '../../engine/views/feeds/feed-source.ts';
import { ImageRing } from '../../engine/views/feeds/image-ring.ts';
import { packBatch, unpackBatch } from '../../engine/views/feeds/packed-batch.ts';
import { StateSource } from '../../engine/views/feeds/state-source.ts';
import { TickRing } from '../../engine/views/feeds/tick-ring.ts';
import { GroupView } from '../../engine/views/operators/group-view.ts';
import { NumberLane } from '../../engine/views/operators/value-lane.ts';
import { TableSource } from '../../engine/views/sources/table-source.ts';
import { runs } from '../budget.ts';
import { naiveView } from './naive-view.ts';
import { catalog, tickPlan, World } from './world.ts';

const bounds = { rowsMax: 20, ticksMax: 6, bytesMax: 4_000 };

function valuesOf({ length, vectors }: ColumnBatch): unknown[] {
  return vectors.map((vector) => Array.from({ length }, (_, row) => valueAt(vector, row)));
}

function markOf(changes: { lsn: Lsn; sessionId: string; tick: number | null }): TickMark {
  const { lsn, sessionId, tick } = changes;
  return { lsn, sessionId, tick, committedAtMs: lsn, appliedAtMs: lsn };
}

describe('what a feed remembers', () => {
  test('stays within its bounds in rows, ticks and bytes, and is never less than they allow', () => {
    const frame = fc.record({ rows: fc.integer({ min: 1, max: 25 }), bytes: fc.nat(4_500) });
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 60, size: 'max' }), (pushes) => {
        const log = new TickRing<number>(bounds, asLsn(0), -1);
        let model: { lsn: number; rows: number; bytes: number }[] = [];
        let horizon = 0;
        pushes.forEach(({ rows, bytes }, index) => {
          const lsn = asLsn(index * 2 + 1);
          const mark = { lsn, sessionId: `s${index}`, tick: index % 3 || null, stamp: lsn * 10 };
          log.push({ ...mark, appliedAtMs: index, rows }, bytes, index);
          model.push({ lsn, rows, bytes });
          const sum = (of: 'rows' | 'bytes') => model.reduce((total, one) => total + one[of], 0);
          while (
            sum('rows') > bounds.rowsMax ||
            sum('bytes') > bounds.bytesMax ||
            model.length > bounds.ticksMax
          ) {
            horizon = model[0]?.lsn ?? 0;
            model = model.slice(1);
          }
          expect(log.horizon).toBe(horizon);
          expect([log.size, log.rows, log.bytes]).toEqual([
            model.length,
            sum('rows'),
            sum('bytes'),
          ]);
          model.forEach((one, place) => {
            expect(log.at(place)?.lsn).toBe(one.lsn);
            expect(log.payloadAt(place)).toBe((one.lsn - 1) / 2);
            expect(log.indexAfter(asLsn(one.lsn - 1))).toBe(place);
            expect(log.stampAt(asLsn(one.lsn + 1))).toBe(one.lsn * 10);
          });
          expect(log.stampAt(asLsn(horizon))).toBe(horizon === 0 ? -1 : horizon * 10);
          if (horizon > 0) expect(log.stampAt(asLsn(horizon - 1))).toBeNull();
        });
      }),
      { numRuns: runs(200) },
    );
  });

  test('holds the rows before and after for every range of ticks it covers', () => {
    const definition = catalog.views.get('activity') as GroupViewDefinition;
    fc.assert(
      fc.property(fc.array(tickPlan, { maxLength: 16, size: 'max' }), (plans) => {
        const world = new World();
        const source = new TableSource(catalog, catalog.actionTable);
        const view = new GroupView(catalog, definition, source, bounds, chunkRowBits);
        const history = new Map([[3, new Map<string, unknown>()]]);
        const keyOf = (row: object) => JSON.stringify(Object.values(row).slice(0, 2));
        for (const plan of plans) {
          world.commit(plan, (changes) => {
            if (source.load(changes)) view.fold(markOf(changes));
            const rows = naiveView('activity', world.appended);
            history.set(changes.lsn, new Map(rows.map((row) => [keyOf(row), row])));
          });
          expect(view.ticks.rows).toBeLessThanOrEqual(bounds.rowsMax);
          expect(view.ticks.size).toBeLessThanOrEqual(bounds.ticksMax);
        }
        const head = 3 + plans.length;
        for (let from = Math.max(view.ticks.horizon, 3); from < head; from++) {
          for (let to = from + 1; to <= head; to++) {
            const changes = finish(view.changes(asLsn(from), asLsn(to), null));
            for (const { before, after } of changes ?? []) {
              const key = keyOf((after ?? before) as object);
              expect(before).toEqual(history.get(from)?.get(key) ?? null);
              expect(after).toEqual(history.get(to)?.get(key) ?? null);
            }
          }
        }
      }),
      { numRuns: runs(60) },
    );
  });

  test('tells rows apart however long ago each changed last', () => {
    const ticks = fc.array(fc.uniqueArray(fc.nat(12), { minLength: 1, maxLength: 5 }), {
      minLength: 30,
      maxLength: 120,
      size: 'max',
    });
    fc.assert(
      fc.property(ticks, (touched) => {
        const counts = new NumberLane(0);
        counts.grow(13);
        const ring = new ImageRing([counts], bounds);
        const history = [new Array<number>(13).fill(0)];
        touched.forEach((rows, index) => {
          const lsn = asLsn(index + 1);
          expect(ring.begin(markOf({ lsn, sessionId: '', tick: null }), rows.length)).toBe(true);
          for (const row of rows) ring.add(row, { lanes: [counts], index: row });
          ring.end();
          for (const row of rows) counts.values[row] = (counts.values[row] as number) + 1;
          history.push([...counts.values]);
          const from = ring.ticks.horizon;
          for (let to = from + 1; to <= lsn; to++) {
            const changes = finish(
              ring.changes(
                from,
                asLsn(to),
                null,
                (row, image) =>
                  ({
                    row,
                    count:
                      image === 'now' ? counts.values[row] : image.lanes[0]?.values[image.index],
                  }) as Row,
                1,
              ),
            );
            for (const { before, after } of changes ?? []) {
              const row = before?.row as number;
              expect(before?.count).toBe(history[from]?.[row]);
              expect(after?.count).toBe(history[to]?.[row]);
            }
          }
        });
      }),
      { numRuns: runs(25) },
    );
  });

  test('of a state table is bounded in bytes', () => {
    const world = new World();
    const source = new StateSource(catalog.table('unit'), world.state, bounds, 1);
    source.start(asLsn(0));
    let most = 0;
    const plans = fc.sample(tickPlan, { numRuns: 200, seed: 1 });
    for (const plan of plans) {
      world.commit(plan, (changes) => {
        const units = changes.states.find(({ table }) => table.name === 'unit');
        if (units) source.record(units, markOf(changes));
      });
      most = Math.max(most, source.ticks.bytes);
    }
    expect(most).toBeGreaterThan(bounds.bytesMax / 2);
    expect(most).toBeLessThanOrEqual(bounds.bytesMax);
    source.stop(asLsn(1_000));
    expect(source.ticks.bytes).toBe(0);
  });

  test('of a state table is a copy: packing a batch loses nothing', () => {
    fc.assert(
      fc.property(fc.array(tickPlan, { maxLength: 6, size: 'max' }), (plans) => {
        const world = new World();
        for (const plan of plans) {
          world.commit(plan, (changes) => {
            for (const { table, after } of changes.states) {
              const unpacked = unpackBatch(table.columns, packBatch(after));
              expect(valuesOf(unpacked)).toEqual(valuesOf(after));
              expect(unpacked.length).toBe(after.length);
            }
          });
        }
      }),
      { numRuns: runs(40) },
    );
  });
});
