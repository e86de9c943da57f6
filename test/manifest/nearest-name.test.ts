import { expect, test } from 'vitest';
import { didYouMean, nearestName } from '../../engine/model/nearest-name.ts';

const names = ['sessionId', 'playerId', 'ownerId', 'x', 'y', 'blueprint'];

test.each<[string, string | null]>([
  ['sesionId', 'sessionId'],
  ['sessoinId', 'sessionId'],
  ['SESSIONID', 'sessionId'],
  ['player', 'playerId'],
  ['print', 'blueprint'],
  ['ownerid', 'ownerId'],
  ['z', 'x'],
  ['velocity', null],
  ['', 'x'],
])('%s is near to %s', (name, nearest) => {
  expect(nearestName(name, names)).toBe(nearest);
});

test('where nothing is near, a message lists what there is, a dozen at most', () => {
  expect(didYouMean('velocity', ['alpha', 'beta'])).toBe('known: "alpha", "beta"');
  expect(didYouMean('velocity', [])).toBe('there is none at all');
  const many = Array.from({ length: 50 }, (_, i) => `value${i}`);
  expect(didYouMean('qqqqqq', many)).toMatch(/^known: "value0", .*"value11" and others$/);
});

test('a very long name costs no more than one of 64 characters', () => {
  const candidates = Array.from({ length: 60_000 }, (_, i) => `value${i}`);
  const begin = performance.now();
  didYouMean('v'.repeat(1_000_000), candidates);
  expect(performance.now() - begin).toBeLessThan(2_000);
});
