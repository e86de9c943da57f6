import type { SettingType } from './setting-types.ts';

/** Which GraphQL a role may send: any document, or the operations of the title's list alone. */
export type OperationMode = 'any' | 'persisted-only';

export interface OperationRule {
  /** Null: of every title. */
  readonly title: string | null;
  /** Null: every role. */
  readonly role: string | null;
  readonly mode: OperationMode;
}

/** `persisted-only`, or by role and title: `any,player=persisted-only,ashfall/bot=persisted-only`. */
export const operationRules: SettingType<readonly OperationRule[]> = {
  placeholder: '<any|persisted-only|role=mode,…>',
  parse: (value) =>
    value
      .split(',')
      .map((part) => part.trim())
      .map((part) => {
        const match = /^(?:(?:([a-z][a-z0-9-]*)\/)?([A-Za-z][\w-]*)=)?(any|persisted-only)$/.exec(
          part,
        );
        if (match === null) {
          throw new RangeError(
            '"any", "persisted-only", or one of them by role, such as any,player=persisted-only or ashfall/player=persisted-only',
          );
        }
        const [, title, role, mode] = match;
        return { title: title ?? null, role: role ?? null, mode: mode as OperationMode };
      }),
};

/** What holds for a role: the rule that says the most of it; `any` where none does. */
export function operationModeOf(
  rules: readonly OperationRule[],
  title: string,
  role: string | null,
): OperationMode {
  const fitting = rules.filter(
    (rule) =>
      (rule.title === null || rule.title === title) && (rule.role === null || rule.role === role),
  );
  const weight = (rule: OperationRule) =>
    (rule.title === null ? 0 : 2) + (rule.role === null ? 0 : 1);
  return fitting.sort((a, b) => weight(b) - weight(a))[0]?.mode ?? 'any';
}
