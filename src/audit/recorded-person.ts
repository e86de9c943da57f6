import type { RecordAuthor } from '../../engine/index.ts';
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
