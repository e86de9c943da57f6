import type { PersonalValues, RecordAuthor } from '../../engine/index.ts';
import { servingLimits } from '../serving-limits.ts';

/**
 * How a title writes down who did something. Every name that goes into a record, of the title's log
 * or of its audit log, passes it, and nothing but names that go into records does.
 */
export type RecordPerson = (person: RecordAuthor) => RecordAuthor;

/** Persons as they were said, each name within the bound. */
export const recordAsSaid: RecordPerson = ({ subject, role, address, client }) => ({
  subject: shortName(subject),
  role: shortName(role),
  address: shortName(address),
  client: shortName(client),
});

/** A text that a client makes up about itself, within `auditTextCharsMax`. */
export function shortName(text: string | null): string | null {
  const max = servingLimits.auditTextCharsMax;
  return text === null || text.length <= max ? text : `${text.slice(0, max)}…`;
}

/** Whoever runs the server, and no person. */
export const operatorName = 'operator';

/**
 * Persons as tokens of the title's vault, so that they can be erased: the subject, and the address as the
 * subject's. A program's name is of nobody, and a vault of all that programs call themselves would never end.
 */
export function recordSealed(personal: Pick<PersonalValues, 'nameToken'>): RecordPerson {
  return (person) => {
    const { subject, role, address, client } = recordAsSaid(person);
    const owner = subject ?? address;
    const sealed = (name: string | null) =>
      name === null || owner === null || name === operatorName
        ? name
        : personal.nameToken(owner, name);
    return { subject: sealed(subject), role, address: sealed(address), client };
  };
}
