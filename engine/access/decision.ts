/**
 * The answer to "may this role do this": with the rule that decided, in words, for whoever is refused
 * and for whoever asks why. Nothing is allowed that no rule grants.
 */
export type Decision = Allowed | Refused;

export interface Allowed {
  readonly allowed: true;
  readonly rule: string;
}

export interface Refused {
  readonly allowed: false;
  readonly rule: string;
  /** What was missing, by name; never a value of a row. */
  readonly needs: Readonly<Record<string, unknown>>;
}

export function allowed(rule: string): Allowed {
  return { allowed: true, rule };
}

export function refused(rule: string, needs: Readonly<Record<string, unknown>>): Refused {
  return { allowed: false, rule, needs };
}
