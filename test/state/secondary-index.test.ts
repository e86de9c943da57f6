import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rowLayout } from '../../engine/state/row-layout.ts';
import { RowPages } from '../../engine/state/row-pages.ts';
import { SecondaryIndex } from '../../engine/state/secondary-index.ts';
import { columnOf } from '../intake/any-column.ts';

const layout = rowLayout({
  name: 'unit',
  kind: 'state',
  columns: [columnOf('id', 'u32'), columnOf('owner', 'u32'), columnOf('team', 'i64')],
  key: ['id'],
  indexes: [],
});

/** Rows with an owner and a team, both words of it. */
class Rows {
  readonly pages = new RowPages(layout.wordsPerRow);
  readonly index = new SecondaryIndex('byBoth', ['owner', 'team'], layout, this.pages);

  set(slot: number, owner: number, team: number): void {
    const page = this.pages.page(slot).u32;
    const offset = this.pages.offset(slot);
    this.index.words.forEach((word, i) => {
      page[offset + word] = [owner, team, team * 2][i] as number;
    });
  }

  find(owner: number, team: number): number[] {
    return [...this.index.slots([owner, team, team * 2])].sort((a, b) => a - b);
  }
}

describe('a secondary index', () => {
  it('finds exactly the rows of a group, while rows come, change and go', () => {
    const small = fc.nat(2);
    const step = fc.record({ slot: fc.nat(30), owner: small, team: small, gone: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const rows = new Rows();
        for (let slot = 0; slot <= 30; slot++) rows.pages.allocate();
        const model = new Map<number, string>();
        for (const { slot, owner, team, gone } of steps) {
          if (model.delete(slot)) rows.index.remove(slot);
          if (gone) continue;
          rows.set(slot, owner, team);
          rows.index.add(slot);
          model.set(slot, `${owner} ${team}`);
        }
        for (const owner of [0, 1, 2]) {
          for (const team of [0, 1, 2]) {
            const wanted = [...model]
              .filter(([, group]) => group === `${owner} ${team}`)
              .map(([slot]) => slot)
              .sort((a, b) => a - b);
            expect(rows.find(owner, team)).toEqual(wanted);
          }
        }
      }),
    );
  });

  it('holds more rows than it had room for, in one group', () => {
    const rows = new Rows();
    const count = 10_000;
    for (let i = 0; i < count; i++) {
      const slot = rows.pages.allocate();
      rows.set(slot, 1, 2);
      rows.index.add(slot);
    }
    expect(rows.find(1, 2).length).toBe(count);
    for (let slot = 0; slot < count; slot += 2) rows.index.remove(slot);
    expect(rows.find(1, 2)).toEqual(Array.from({ length: count / 2 }, (_, i) => i * 2 + 1));
  });
});
