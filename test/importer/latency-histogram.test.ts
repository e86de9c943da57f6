import { describe, expect, it } from 'vitest';
import { LatencyHistogram } from '../../importer/latency-histogram.ts';

describe('a latency histogram', () => {
  it('tells quantiles to within one percent', () => {
    const histogram = new LatencyHistogram();
    for (let i = 1; i <= 1_000; i++) histogram.add(i / 7);
    for (const q of [0.01, 0.5, 0.95, 0.99, 1]) {
      const exact = (q * 1_000) / 7;
      expect(histogram.quantile(q)).toBeGreaterThanOrEqual(exact * 0.9999);
      expect(histogram.quantile(q)).toBeLessThanOrEqual(exact * 1.0101);
    }
  });

  it('has none before the first duration', () => {
    expect(new LatencyHistogram().quantile(0.5)).toBeNull();
  });
});
