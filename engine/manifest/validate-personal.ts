import { kindOf } from '../model/kinds.ts';
import { didYouMean } from '../model/nearest-name.ts';
import type { ColumnDefinition, PersonalRule, TableKind } from '../model/types.ts';
import type { Condition } from '../query/condition.ts';
import { namedColumns } from '../query/named-columns.ts';
import type { Problems } from './problems.ts';

/** Whose the values of a column are, as a member to spread; nothing where it is not personal. */
export function readPersonal(
  problems: Problems,
  value: unknown,
  columnPlace: string,
): { readonly personal?: PersonalRule } {
  if (value === undefined) return {};
  const place = `${columnPlace}.personal`;
  const rule = problems.object(value, place, ['subject'] as const);
  if (!rule) return {};
  const subject = rule.subject === null ? null : problems.string(rule.subject, `${place}.subject`);
  return { personal: { subject } };
}

/**
 * What personal columns of a table must be: texts, each of a person that the same row names. A table
 * with a column that the vault could not keep is refused, so that no value is ever stored in clear.
 */
export function checkPersonal(
  problems: Problems,
  tablePlace: string,
  columns: readonly ColumnDefinition[],
  kind: TableKind,
  key: readonly string[],
): void {
  for (const column of columns) {
    if (!column.personal) continue;
    const place = `${tablePlace}.columns.${column.name}.personal`;
    const { subject } = column.personal;
    if (column.kind !== 'string' || column.list) {
      const shape = column.list ? `a list of ${column.kind}` : column.kind;
      problems.add(
        place,
        `only a string can be personal, and "${column.name}" is ${shape}; make it a string, or keep it elsewhere`,
      );
    }
    if (column.name === 'sessionId') {
      problems.add(
        place,
        'a session is named in positions and links, and so is not personal; name sessions by what is of nobody',
      );
    }
    if (subject === null) continue;
    if (key.includes(column.name)) {
      problems.add(
        `${place}.subject`,
        'a column of the key names a row by itself; drop the subject',
      );
    }
    const problem = subjectProblem(column.name, subject, columns, kind, key);
    if (problem !== null) problems.add(`${place}.subject`, problem);
  }
}

function subjectProblem(
  name: string,
  subject: string,
  columns: readonly ColumnDefinition[],
  kind: TableKind,
  key: readonly string[],
): string | null {
  if (subject === name) return 'a value that names its own person has no subject; drop it';
  const named = columns.find((column) => column.name === subject);
  if (!named) {
    return `there is no column "${subject}"; ${didYouMean(
      subject,
      columns.map((column) => column.name),
    )}`;
  }
  const isNaming =
    named.kind === 'string' || named.kind === 'uuid' || kindOf(named).form === 'integer';
  if (named.list || !isNaming) {
    return `"${subject}" cannot name a person; it must be a string, a uuid or an integer`;
  }
  if (subject === 'sessionId')
    return 'a session is no person; name the column that says whose the value is';
  if (named.optional)
    return `"${subject}" is optional, and every value is of somebody; make it required`;
  if (named.personal !== undefined && named.personal.subject !== null) {
    return `"${subject}" has a subject of its own; name that one`;
  }
  if (kind === 'state' && !key.includes(subject)) {
    return `"${subject}" is not of the key, so that a write need not say whose the value is; name a column of the key`;
  }
  return null;
}

/**
 * Why a condition of the manifest may not ask for this, or null: a manifest holds no value of a person.
 * `mayClaim`: values may be claims of the token, for which `sampleClaim` stands.
 */
export function personalConditionProblem(
  condition: Condition,
  columns: readonly ColumnDefinition[],
  mayClaim: boolean,
): string | null {
  const asked = namedColumns(withValues(condition, mayClaim ? noText : null));
  const named = columns.find(
    ({ name, personal }) => personal !== undefined && asked.includes(name),
  );
  if (named === undefined) return null;
  const mend = mayClaim ? 'compare with a claim, ask isNull' : 'ask isNull';
  return `"${named.name}" is personal, and a manifest keeps no value of a person; ${mend}, or drop it`;
}

/** What `sampleClaim` has for a string; no person's value. */
const noText = '';

/** The condition without what asks for no value but `sample`. */
function withValues(condition: Condition, sample: string | null): Condition {
  const none: Condition = { kind: 'and', all: [] };
  switch (condition.kind) {
    case 'and':
      return { kind: 'and', all: condition.all.map((part) => withValues(part, sample)) };
    case 'or':
      return { kind: 'or', any: condition.any.map((part) => withValues(part, sample)) };
    case 'not':
      return { kind: 'not', inner: withValues(condition.inner, sample) };
    case 'isNull':
      return none;
    case 'compare':
      return condition.value === sample ? none : condition;
    case 'in':
      return condition.values.every((value) => value === sample) ? none : condition;
    default:
      return condition;
  }
}
