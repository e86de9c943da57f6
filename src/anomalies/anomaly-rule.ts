import { servingLimits } from '../serving-limits.ts';

/** What is counted in windows. */
const countedMeasures = ['actions', 'requests', 'errors', 'rowsRead', 'refusals'] as const;
/** What is new the first time that it is seen. */
const newMeasures = ['newTable', 'newAddress'] as const;
export type CountedMeasure = (typeof countedMeasures)[number];
export type NewMeasure = (typeof newMeasures)[number];

/** What is done with who crosses a rule; nothing is done with a role. */
export type AnomalyAction = 'report' | 'throttle' | 'suspend';

interface RuleBase {
  readonly name: string;
  /** Whose baseline it is. */
  readonly by: 'subject' | 'role';
  /** Empty: every role. */
  readonly roles: readonly string[];
  readonly action: AnomalyAction;
  /** How long it is throttled or suspended. */
  readonly forSeconds: number;
}

/** Crossed by so much in one window. */
export interface CountedRule extends RuleBase {
  readonly measure: CountedMeasure;
  readonly windowSeconds: number;
  /** Crossed above this many; with `timesUsual` below that, never. */
  readonly above: number;
  /** Crossed only above so many times what its windows usually have; null: `above` alone counts. */
  readonly timesUsual: number | null;
}

/** Crossed by what was not seen before, once who is watched has been known for long enough. */
export interface NewRule extends RuleBase {
  readonly measure: NewMeasure;
  readonly learnSeconds: number;
}

export type AnomalyRule = CountedRule | NewRule;

/** The rules of a server that names none. They report, and do nothing else. */
export const shippedRules: readonly AnomalyRule[] = [
  {
    name: 'impossible-action-rate',
    measure: 'actions',
    by: 'subject',
    // No person orders this much; simulators, which send the orders of all players, may.
    roles: ['player'],
    windowSeconds: 10,
    above: 500,
    timesUsual: null,
    action: 'report',
    forSeconds: 0,
  },
  {
    name: 'role-reads-what-it-never-read',
    measure: 'newTable',
    by: 'role',
    roles: [],
    learnSeconds: 24 * 60 * 60,
    action: 'report',
    forSeconds: 0,
  },
];

/** Rules as a file has them. Throws `RangeError`, which says where and what was expected. */
export function parseRules(value: unknown): readonly AnomalyRule[] {
  if (!Array.isArray(value) || value.length > servingLimits.anomalyRulesMax) {
    throw new RangeError(`a list of at most ${servingLimits.anomalyRulesMax} rules`);
  }
  const rules = value.map((rule: unknown, i) => parseRule(rule, `[${i}]`));
  const names = new Set(rules.map(({ name }) => name));
  if (names.size < rules.length) throw new RangeError('rules whose names differ');
  return rules;
}

function parseRule(value: unknown, at: string): AnomalyRule {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new RangeError(`rules, each an object; ${at} is none`);
  }
  const rule = value as Record<string, unknown>;
  const fail = (member: string, what: string): never => {
    throw new RangeError(`rules as docs/anomalies.md has them: ${at}.${member} must be ${what}`);
  };
  const number = (member: string, min: number, max: number, otherwise?: number): number => {
    const given = rule[member] ?? otherwise;
    if (typeof given === 'number' && given >= min && given <= max) return given;
    return fail(member, `a number from ${min} to ${max}`);
  };
  const one = <T extends string>(member: string, of: readonly T[], otherwise?: T): T =>
    of.find((each) => each === (rule[member] ?? otherwise)) ?? fail(member, of.join(' or '));
  const { name, roles = [] } = rule;
  if (typeof name !== 'string' || !/^[a-z0-9-]{1,64}$/.test(name)) {
    return fail('name', '1 to 64 small letters, digits and dashes');
  }
  if (!Array.isArray(roles) || roles.some((role) => typeof role !== 'string')) {
    return fail('roles', 'a list of names of roles');
  }
  const by = one('by', ['subject', 'role']);
  const action = one('action', ['report', 'throttle', 'suspend'], 'report');
  if (by === 'role' && action !== 'report') {
    return fail('action', 'report where the rule is by role: one client must not stop the others');
  }
  const forSeconds = action === 'report' ? 0 : number('forSeconds', 1, 86_400);
  const base = { name, by, roles: roles as string[], action, forSeconds };
  const measure = one<AnomalyRule['measure']>('measure', [...countedMeasures, ...newMeasures]);
  const known = new Set(['name', 'by', 'roles', 'action', 'forSeconds', 'measure']);
  for (const more of measure.startsWith('new')
    ? ['learnSeconds']
    : ['windowSeconds', 'above', 'timesUsual']) {
    known.add(more);
  }
  const unknown = Object.keys(rule).find((member) => !known.has(member));
  if (unknown !== undefined) return fail(unknown, `left out: ${measure} has no such member`);
  if (measure === 'newTable' || measure === 'newAddress') {
    return { ...base, measure, learnSeconds: number('learnSeconds', 0, 31_536_000) };
  }
  return {
    ...base,
    measure,
    windowSeconds: number('windowSeconds', 1, 3_600),
    above: number('above', 0, 1e15),
    timesUsual: rule.timesUsual === undefined ? null : number('timesUsual', 1, 1e6),
  };
}
