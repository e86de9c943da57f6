import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { ashfall } from '../../src/sandbox/ashfall.ts';
import { Sandbox } from '../serve/sandbox.ts';

vi.mock('../../src/serving-limits.ts', async (original) => {
  const { servingLimits } = await original<typeof import('../../src/serving-limits.ts')>();
  return { servingLimits: { ...servingLimits, titlesMax: 2 } };
});

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await Sandbox.start();
});
afterAll(() => sandbox.stop());

test('a server opens so many titles and no more, until one is closed', async () => {
  const open = (title: string) => sandbox.titles.open({ ...ashfall, title });
  await open('second');
  const details = { limit: 'titlesMax', max: 2 };
  await expect(open('third')).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED', details });
  await sandbox.titles.close('second');
  await open('third');
  expect(sandbox.titles.names()).toEqual(['ashfall', 'third']);
});
