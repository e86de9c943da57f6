import fc from 'fast-check';
import { expect, it } from 'vitest';
import { GroupShadow } from '../../engine/canary/group-shadow.ts';
import { ViewShadow } from '../../engine/canary/view-shadow.ts';
import type { GroupViewDefinition, Row } from '../../engine/model/types.ts';
import { createViewEngine } from '../../engine/views/open-views.ts';
import type { ViewEngine } from '../../engine/views/view-engine.ts';
import { withinTime } from '../property/within-time.ts';
import { catalog, tickPlan, World } from '../views/world.ts';

const plans = fc.array(tickPlan, { maxLength: 10, size: 'max' });

it('agrees with every view after every tick, wherever it began', () => {
  fc.assert(
    fc.property(plans, fc.nat(6), (ticks, begin) => {
      const world = new World();
      const views = createViewEngine({ catalog, state: world.state });
      let shadow = new ViewShadow(catalog, views, world.state);
      ticks.forEach((plan, at) => {
        if (at === begin) shadow = new ViewShadow(catalog, views, world.state);
        world.commit(plan, (changes) => {
          views.apply(changes);
          shadow.check(changes);
        });
      });
      views.close();
    }),
    withinTime({ runs: 40, runsMin: 10 }),
  );
});

it('finds any one value of any view that is another', () => {
  const wholes = fc.tuple(fc.array(tickPlan, { minLength: 3, maxLength: 5 }), fc.nat(), fc.nat());
  const views = [...catalog.views.keys()];
  let found = 0;
  fc.assert(
    fc.property(wholes, ([ticks, whichView, whichCell]) => {
      const world = new World();
      const folded = createViewEngine({ catalog, state: world.state });
      const spoiled = views[whichView % views.length];
      let isSpoiling = false;
      const shown: Pick<ViewEngine, 'rows'> = {
        rows: (name, where) => {
          const { lsn, rows } = folded.rows(name, where);
          const isIt = isSpoiling && name === spoiled;
          return { lsn, rows: isIt ? spoil(rows, whichCell) : rows };
        },
      };
      const shadow = new ViewShadow(catalog, shown, world.state);
      ticks.forEach((plan, at) => {
        world.commit(plan, (changes) => {
          folded.apply(changes);
          isSpoiling = at === ticks.length - 1;
          if (!isSpoiling || folded.rows(spoiled ?? '', null).rows.length === 0) {
            isSpoiling = false;
            shadow.check(changes);
            return;
          }
          expect(() => shadow.check(changes)).toThrow(/\(invariant "views"\)/);
          found++;
        });
      });
      folded.close();
    }),
    withinTime({ runs: 60, runsMin: 40 }),
  );
  expect(found).toBeGreaterThan(20);
});

/** One value of one row, replaced by one that no other rows give. */
function spoil(rows: readonly Row[], which: number): Row[] {
  const row = which % rows.length;
  return rows.map((own, i) => {
    if (i !== row) return own;
    const names = Object.keys(own);
    const name = names[which % names.length] as string;
    const value = own[name];
    const other =
      typeof value === 'bigint'
        ? value + 1_000_000n
        : typeof value === 'number'
          ? value * 2 + 1_000_000
          : typeof value === 'boolean'
            ? !value
            : 'another';
    return { ...own, [name]: other };
  });
}

it('finds a group that is shown twice in the place of another', () => {
  const definition = catalog.views.get('mix') as GroupViewDefinition;
  const row = { sessionId: 'match-2', kind: 'MOVE', team: null, count: 1n, noted: 0n };
  const rows: Row[] = [
    { ...row, urgent: true },
    { ...row, urgent: false },
  ];
  const shadow = new GroupShadow(catalog, definition, rows);
  shadow.check(rows);
  const twice = rows[1] as Row;
  expect(() => shadow.check([twice, twice])).toThrow(/is shown twice/);
});
