import { expect, test } from 'vitest';
import { OpenReads } from '../../engine/govern/open-reads.ts';
import { Ticket } from '../../engine/govern/ticket.ts';
import { Turns } from '../../engine/govern/turns.ts';
import type { Work } from '../../engine/govern/work.ts';
import { limits } from '../../engine/model/limits.ts';
import type { ColumnDefinition } from '../../engine/model/types.ts';
import { parseWhere } from '../../engine/query/parse-where.ts';
import { checkRequireUnits } from '../../engine/tick/require-units.ts';
import type { TickBatch } from '../../engine/tick/tick-batch.ts';
import { answerRows, conditionOf } from '../../resolvers/bounded-work.ts';
import { openTitleApi } from '../resolvers/title-api.ts';
import { testTicket } from '../ticket.ts';

/** A clock that goes on by a millisecond whenever it is looked at. */
class CountedClock {
  readonly deferred: (() => void)[] = [];
  #nowMs = 0;
  now = () => this.#nowMs++;
  defer = (callback: () => void) => void this.deferred.push(callback);
}

function* steps(count: number, log: string[], name: string): Work<string> {
  for (let i = 0; i < count; i++) {
    log.push(name);
    yield 1;
  }
  return name;
}

test('work goes on for a slice a turn, owners in turn, and what is short is done at once', () => {
  const clock = new CountedClock();
  const turns = new Turns(clock);
  const log: string[] = [];
  for (const owner of ['a', 'b']) {
    const result = { done: (name: string) => void log.push(`${name} done`), failed: () => {} };
    turns.start(Ticket.internal(owner), steps(6, log, owner), result);
  }
  expect(log.length).toBeLessThanOrEqual(limits.workSliceMs);
  while (clock.deferred.length > 0) clock.deferred.shift()?.();
  expect(log.filter((entry) => entry.endsWith('done'))).toHaveLength(2);
  expect(log.indexOf('b')).toBeLessThan(log.lastIndexOf('a'));
});

test('so many reads of a subject wait, and one more is refused', async () => {
  const turns = new Turns(new CountedClock());
  for (let i = 0; i < limits.workWaitingMax; i++) {
    void turns.run(testTicket, steps(9, [], 'x'));
  }
  const code = turns.run(testTicket, steps(9, [], 'x')).catch((error) => error.code);
  expect(await code).toBe('OVERLOADED');
  expect(turns.waiting).toBe(limits.workWaitingMax);
});

test('a read follows so many writes, and no more', () => {
  const reads = new OpenReads();
  const read = reads.open();
  for (let i = 0; i < limits.readJournalMax; i++) reads.wrote(1);
  expect(read.has(1)).toBe(true);
  reads.wrote(1);
  expect(() => read.has(1)).toThrow(expect.objectContaining({ code: 'OVERLOADED' }));
});

test('a tick compares so often, and not once more', () => {
  const form = { kind: 'isNull', column: 'x', isNull: true };
  const batch = (length: number) =>
    ({ streams: [{ length, require: { form, operands: [] } }] }) as unknown as TickBatch;
  expect(() => checkRequireUnits(batch(limits.tickGuardUnitsMax))).not.toThrow();
  expect(() => checkRequireUnits(batch(limits.tickGuardUnitsMax + 1))).toThrow(/require/);
});

test('a pattern counts as several comparisons of a condition', () => {
  const column: ColumnDefinition = {
    name: 't',
    kind: 'string',
    optional: false,
    list: false,
    values: [],
  };
  const or = (count: number) => ({
    or: Array.from({ length: count }, () => ({ t: { like: 'a%' } })),
  });
  const parse = (count: number) => parseWhere(new Map([['t', column]]), or(count), 'where');
  const most = Math.floor(limits.filterTermsMax / (limits.likeTerms + 1));
  expect(() => parse(most)).not.toThrow();
  expect(() => parse(most + 1)).toThrow(/10000 values/);
});

test('an operation answers so many rows and reads so many values in all its fields', async () => {
  const api = await openTitleApi();
  const rows = api.as('game-server').context();
  answerRows(rows, limits.operationUnitsMax / limits.rowAnsweredUnits);
  expect(() => answerRows(rows, 1)).toThrow(expect.objectContaining({ code: 'LIMIT_EXCEEDED' }));
  const values = api.as('game-server').context();
  const columns = api.catalog.columnsOf(api.catalog.table('unitState'));
  const where = { unitId: { in: Array.from({ length: 9_000 }, (_, i) => i) } };
  const fields = Math.ceil(limits.operationUnitsMax / (9_000 * limits.termParsedUnits));
  const read = async () => {
    for (let i = 0; i < fields; i++) await conditionOf(values, where, columns);
  };
  await expect(read()).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' });
});
