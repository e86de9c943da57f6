import { describe, expect, expectTypeOf, it } from 'vitest';
import { actionTable, defineTitle, type RowOf, t } from '../../engine/manifest/index.ts';
import {
  manifestHash,
  parseManifest,
  serializeManifest,
} from '../../engine/manifest/manifest-json.ts';
import { viewColumns } from '../../engine/manifest/view-columns.ts';
import { limits } from '../../engine/model/limits.ts';
import { describedTitle } from './described-title.ts';
import { problemsOf } from './problems-of.ts';

const titleWith = (description: unknown) =>
  defineTitle({
    title: 'sample',
    version: 1,
    tables: { orders: actionTable({ playerId: t.u32() }, { description: description as string }) },
  });

describe('descriptions', () => {
  it('of tables, columns, views, their columns and roles stand in manifest.json', () => {
    const { tables, views, roles } = parseManifest(serializeManifest(describedTitle));
    expect(tables.map(({ name, description }) => [name, description])).toEqual([
      ['orders', 'What players order.'],
      ['ledger', 'Every credit that moved.\nIts comment would end here: */'],
      ['units', 'Units on the field.'],
    ]);
    const columns = tables.flatMap((table) => table.columns);
    expect(columns.map(({ name, description }) => [name, description])).toEqual([
      ['playerId', 'Who gives the order.'],
      ['kind', 'What is ordered.'],
      ['unitIds', 'The units that obey.'],
      ['amount', 'Credits; negative when spent.'],
      ['sessionId', undefined],
      ['unitId', undefined],
      ['health', 'From 0 to 1.'],
      ['shield', 'Absorbs damage first.'],
    ]);
    expect(views.map(({ description }) => description)).toEqual([
      'How a match is played.',
      'The three most given kinds.',
    ]);
    expect(roles[0]?.description).toBe('Watches.');
  });

  it('of a view’s columns are their own, not those of the columns they come from', () => {
    const [mix] = describedTitle.views;
    if (!mix) throw new Error('the title has a view');
    expect(viewColumns(describedTitle, mix).values).toEqual([
      expect.objectContaining({ name: 'orders', description: 'Orders given, obeyed or not.' }),
      { name: 'lastTick', kind: 'u32', optional: true, list: false, values: [] },
    ]);
  });

  it('change no type', () => {
    type Units = RowOf<typeof describedTitle, 'units'>;
    expectTypeOf<Units['health']>().toEqualTypeOf<number | null>();
    expectTypeOf<Units['shield']>().toEqualTypeOf<number | null>();
    type Mix = RowOf<typeof describedTitle, 'mix'>;
    expectTypeOf<Mix['orders']>().toEqualTypeOf<bigint>();
    expectTypeOf<Mix['lastTick']>().toEqualTypeOf<number | null>();
  });

  it('leave no trace in a manifest that has none, so its hash is what it was', () => {
    expect(serializeManifest(titleWith(undefined))).not.toContain('description');
    expect(manifestHash(titleWith('Orders.'))).not.toBe(manifestHash(titleWith(undefined)));
  });

  it('as many characters of a description as there may be are accepted, and one more is not', () => {
    const { descriptionLengthMax } = limits;
    expect(problemsOf(() => titleWith('x'.repeat(descriptionLengthMax)))).toEqual([]);
    expect(problemsOf(() => titleWith('x'.repeat(descriptionLengthMax + 1)))).toEqual([
      'tables.orders.description: may have 2000 characters at most, and has 2001',
    ]);
  });

  it.each([
    ['no text', 7, 'must be a string'],
    ['nothing', ' \n', 'says nothing; leave it out'],
    ['a control character', 'a\u0007b', /^has a character that is not text/],
    ['a carriage return', 'a\r\nb', /^has a character that is not text/],
    ['half a character', 'a\ud800', /^has a character that is not text/],
  ])('that hold %s are refused', (_what, description, problem) => {
    const [found, ...more] = problemsOf(() => titleWith(description));
    expect(more).toEqual([]);
    expect(found?.replace('tables.orders.description: ', '')).toMatch(problem);
  });
});
