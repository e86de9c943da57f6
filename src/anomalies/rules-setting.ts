import { readFileSync } from 'node:fs';
import type { SettingType } from '../config/setting-types.ts';
import { type AnomalyRule, parseRules, shippedRules } from './anomaly-rule.ts';

/** Which rules hold: `shipped`, `off`, or those of a JSON file. */
export const anomalyRules: SettingType<readonly AnomalyRule[]> = {
  placeholder: '<shipped|off|file>',
  parse: (value) => {
    if (value === 'shipped') return shippedRules;
    if (value === 'off') return [];
    let json: unknown;
    try {
      json = JSON.parse(readFileSync(value, 'utf8'));
    } catch (error) {
      throw new RangeError(`shipped, off, or a JSON file of rules (${(error as Error).message})`);
    }
    return parseRules(json);
  },
};
