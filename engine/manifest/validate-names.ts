import { didYouMean } from '../model/nearest-name.ts';
import type { ColumnDefinition } from '../model/types.ts';
import { nameProblem } from './names.ts';
import type { Problems } from './problems.ts';

export function readName(problems: Problems, value: unknown, place: string): string | null {
  const name = problems.string(value, `${place}.name`);
  const problem = name === null ? null : nameProblem(name);
  if (problem !== null) problems.add(place, problem);
  return name;
}

/** Names that differ by capital letters alone count as one: many readers of exports think so. */
export function checkDistinct(
  problems: Problems,
  place: string,
  named: readonly { readonly name: string }[],
): void {
  const seen = new Map<string, string>();
  for (const { name } of named) {
    const other = seen.get(name.toLowerCase());
    if (other === name) problems.add(place, `"${name}" stands there twice; rename one`);
    else if (other !== undefined) {
      problems.add(place, `"${name}" and "${other}" differ by capital letters alone; rename one`);
    }
    seen.set(name.toLowerCase(), name);
  }
}

/** The column of that name, or null with the problem noted. */
export function columnNamed(
  problems: Problems,
  place: string,
  columns: readonly ColumnDefinition[],
  name: string,
): ColumnDefinition | null {
  const column = columns.find((candidate) => candidate.name === name);
  if (column) return column;
  const names = columns.map((candidate) => candidate.name);
  problems.add(place, `there is no column "${name}"; ${didYouMean(name, names)}`);
  return null;
}
