import type { RoleLimits, UseLimits } from '../model/types.ts';
import type { Problems } from './problems.ts';

/** The least and the most that each bound may be. */
const ranges: Readonly<Record<keyof UseLimits, readonly [low: number, high: number]>> = {
  requestsPerSecond: [1, 1_000_000],
  burst: [0, 1_000_000],
  bytesPerSecond: [1, 2 ** 40],
  ticksPerSecond: [1, 1_000_000],
  rowsReadPerMinute: [1, 2 ** 40],
  subscriptions: [1, 1_000_000],
  exportsPerHour: [1, 1_000_000],
};

export const useLimitNames = Object.keys(ranges) as (keyof UseLimits)[];

/** The bounds of a role's clients; null where it states none. */
export function readRoleLimits(
  problems: Problems,
  value: unknown,
  place: string,
): RoleLimits | null {
  if (value === undefined) return null;
  const members = [...useLimitNames, 'exportsKept', 'together'] as const;
  const stated = problems.object(value, place, members, members);
  if (!stated) return null;
  const exportsKept = problems.integer(stated.exportsKept, `${place}.exportsKept`, 1, 1_000_000);
  const together =
    stated.together === undefined ? null : readTogether(problems, stated.together, place);
  return {
    ...readBounds(problems, stated, place),
    ...(exportsKept === null ? {} : { exportsKept }),
    ...(together === null ? {} : { together }),
  };
}

function readTogether(problems: Problems, value: unknown, parent: string): UseLimits | null {
  const place = `${parent}.together`;
  const stated = problems.object(value, place, useLimitNames, useLimitNames);
  return stated ? readBounds(problems, stated, place) : null;
}

function readBounds(
  problems: Problems,
  stated: { readonly [Name in keyof UseLimits]?: unknown },
  place: string,
): UseLimits {
  const bounds: { -readonly [Name in keyof UseLimits]: number } = {};
  for (const name of useLimitNames) {
    const [low, high] = ranges[name];
    const bound = problems.integer(stated[name], `${place}.${name}`, low, high);
    if (bound !== null) bounds[name] = bound;
  }
  if (bounds.burst !== undefined && bounds.requestsPerSecond === undefined) {
    problems.add(`${place}.burst`, 'goes with "requestsPerSecond"');
  }
  return bounds;
}
