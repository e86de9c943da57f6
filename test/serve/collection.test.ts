import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { fitCollection } from '../../src/cli/collection.ts';

function flagsOn(processors: number): string[] {
  const flags: string[] = [];
  fitCollection(processors, (flag) => flags.push(flag));
  return flags;
}

describe('the collection of garbage', () => {
  it('leaves nothing among the old objects for the place where it was created', () => {
    for (const processors of [1, 2, 3, 16]) {
      expect(flagsOn(processors)).toContain('--no-allocation-site-pretenuring');
    }
  });

  it('marks the old objects only when they are three times as many as were alive', () => {
    expect(flagsOn(1)).toContain('--heap-growing-percent=200');
    expect(flagsOn(16)).toContain('--heap-growing-percent=200');
  });

  it('has helper threads where there are processors for them', () => {
    for (const processors of [3, 16]) {
      expect(flagsOn(processors)).not.toContain('--no-parallel-scavenge');
      expect(flagsOn(processors)).not.toContain('--no-concurrent-marking');
    }
  });

  it('is kept to the main thread where there are not, by flags that this V8 knows', () => {
    expect(flagsOn(1)).toEqual(flagsOn(2));
    expect(flagsOn(2).length).toBeGreaterThan(flagsOn(3).length);
    // V8 writes what it does not know to stderr and goes on; the process must go on collecting.
    fitCollection(2);
    expect(runInNewContext('new Array(1e6).fill().map((_, i) => ({ i })).length')).toBe(1e6);
  });
});
