import { limits } from '../model/limits.ts';
import { describedAs } from './described-as.ts';
import type { Problems } from './problems.ts';

/** The description of a part, as a member to spread. */
export function readDescription(
  problems: Problems,
  value: unknown,
  partPlace: string,
): { readonly description?: string } {
  const place = `${partPlace}.description`;
  const text = problems.string(value, place);
  const problem = text === null ? null : descriptionProblem(text);
  if (problem !== null) problems.add(place, problem);
  return describedAs(text ?? undefined);
}

function descriptionProblem(text: string): string | null {
  if (text.trim() === '') return 'says nothing; leave it out';
  if (text.length > limits.descriptionLengthMax) {
    return `may have ${limits.descriptionLengthMax} characters at most, and has ${text.length}`;
  }
  // Descriptions are printed in SDL, in source and in terminals.
  if (!text.isWellFormed() || /[^\P{Cc}\n\t]/u.test(text)) {
    return 'has a character that is not text; of control characters there may be new lines and tabs';
  }
  return null;
}
