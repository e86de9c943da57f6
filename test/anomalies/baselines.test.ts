import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  type CountedRule,
  type NewRule,
  parseRules,
  shippedRules,
} from '../../src/anomalies/anomaly-rule.ts';
import { Baselines } from '../../src/anomalies/baselines.ts';
import { anomalyRules } from '../../src/anomalies/rules-setting.ts';
import { servingLimits } from '../../src/serving-limits.ts';

const base = { name: 'r', by: 'subject', roles: [], action: 'report', forSeconds: 0 } as const;
const counted: CountedRule = {
  ...base,
  measure: 'requests',
  windowSeconds: 10,
  above: 5,
  timesUsual: null,
};
const fresh: NewRule = { ...base, measure: 'newTable', learnSeconds: 60 };

describe('baselines', () => {
  it('are crossed once a window, by more than the rule says', () => {
    const baselines = new Baselines();
    const crossed = (nowMs: number) => baselines.add(counted, 'ann', 1, nowMs) !== null;
    expect([1, 2, 3, 4, 5, 6, 7, 8].map(crossed)).toEqual([
      false,
      false,
      false,
      false,
      false,
      true,
      false,
      false,
    ]);
    expect(baselines.add(counted, 'ben', 6, 9)).toEqual({ rule: counted, value: 6, bound: 5 });
    expect(crossed(10_001)).toBe(false);
    expect(baselines.add(counted, 'ann', 5, 10_002)).toMatchObject({ value: 6 });
  });

  it('of what is usual are crossed by so many times that, and never before a window has ended', () => {
    const rule = { ...counted, timesUsual: 3 };
    const baselines = new Baselines();
    expect(baselines.add(rule, 'ann', 1_000, 0)).toBeNull();
    expect(baselines.add(rule, 'ann', 3_000, 10_000)).toBeNull();
    // Four fifths of 1,000 and a fifth of 3,000 are usual now.
    expect(baselines.add(rule, 'ann', 4_201, 20_000)).toMatchObject({ bound: 4_200 });
    // Quiet windows count: after a hundred of them next to nothing is usual, and `above` holds.
    expect(baselines.add(rule, 'ann', 6, 1_020_000)).toMatchObject({ bound: 5 });
  });

  it('are crossed by a name that was not seen before, once learnt; its first and known ones never', () => {
    const baselines = new Baselines();
    const see = (value: string, nowMs: number) => baselines.see(fresh, 'support', value, nowMs);
    expect([see('units', 0), see('wallets', 59_999), see('units', 60_000)]).toEqual([
      null,
      null,
      null,
    ]);
    expect(see('ledger', 60_000)).toEqual({ rule: fresh, value: 'ledger', bound: null });
    expect(see('ledger', 60_001)).toBeNull();
    expect(baselines.see(fresh, 'analyst', 'ledger', 90_000)).toBeNull();
  });

  it('are kept of so many subjects, and the one not seen for longest learns anew', () => {
    const { anomalyBaselinesMax } = servingLimits;
    const baselines = new Baselines();
    for (let i = 0; i <= anomalyBaselinesMax; i++) {
      baselines.add(counted, `s${i}`, 5, 0);
      baselines.see(fresh, `s${i}`, 'units', 0);
    }
    expect(baselines.add(counted, `s${anomalyBaselinesMax}`, 1, 1)).toMatchObject({ value: 6 });
    expect(baselines.add(counted, 's0', 1, 1)).toBeNull();
    expect(baselines.see(fresh, 's0', 'wallets', 90_000)).toBeNull();
  });

  it('know so many names of each, and forget the oldest for one more', () => {
    const { anomalyValuesMax } = servingLimits;
    const baselines = new Baselines();
    for (let i = 0; i <= anomalyValuesMax; i++) baselines.see(fresh, 'ann', `t${i}`, 0);
    expect(baselines.see(fresh, 'ann', `t${anomalyValuesMax}`, 90_000)).toBeNull();
    expect(baselines.see(fresh, 'ann', 't0', 90_000)).toMatchObject({ value: 't0' });
  });
});

describe('rules', () => {
  it('that are shipped are written as a file would have them', () => {
    const written = shippedRules.map(({ forSeconds: _, ...rule }) =>
      Object.fromEntries(Object.entries(rule).filter(([, value]) => value !== null)),
    );
    expect(parseRules(written)).toEqual(shippedRules);
    expect(anomalyRules.parse('shipped')).toBe(shippedRules);
    expect(anomalyRules.parse('off')).toEqual([]);
  });

  it.each([
    [{}, 'a list of at most 50 rules'],
    [Array(servingLimits.anomalyRulesMax + 1).fill({}), 'a list of at most 50 rules'],
    [[7], '[0] is none'],
    [[{ name: 'A b' }], '[0].name must be 1 to 64 small letters'],
    [[{ name: 'a', by: 'subject', measure: 'luck' }], '[0].measure must be actions or'],
    [[{ name: 'a', by: 'subject', measure: 'errors', above: 1 }], '[0].windowSeconds must be'],
    [
      [{ name: 'a', by: 'role', measure: 'newTable', learnSeconds: 1, action: 'suspend' }],
      'one client must not stop the others',
    ],
    [
      [{ name: 'a', by: 'subject', measure: 'newTable', learnSeconds: 1, above: 3 }],
      '[0].above must be left out',
    ],
    [
      Array(2).fill({ name: 'a', by: 'role', measure: 'newTable', learnSeconds: 1 }),
      'rules whose names differ',
    ],
  ])('of a file are refused with the place and the mend: %j', (value, message) => {
    const directory = mkdtempSync(join(tmpdir(), 'tickloom-rules-'));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    const file = join(directory, 'rules.json');
    writeFileSync(file, JSON.stringify(value));
    expect(() => anomalyRules.parse(file)).toThrow(RangeError);
    expect(() => anomalyRules.parse(file)).toThrow(message);
    expect(() => anomalyRules.parse(join(directory, 'none'))).toThrow('shipped, off, or');
  });
});
