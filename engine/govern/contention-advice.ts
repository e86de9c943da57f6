import { type ConflictCode, conflictCodes } from '../model/system-columns.ts';
import type { KeyHeat } from './contention-pane.ts';
import type { SessionHeatKind, SessionHeats } from './heat.ts';

/** What to do about it, in words that stand on their own; `docs/contention.md` says more. */

export function adviceForSession(heats: SessionHeats): string {
  if (heats.length === 0) return 'Not hot: nothing to do.';
  return heats.map((heat) => sessionAdvice[heat]).join(' ');
}

export function adviceForKey(key: KeyHeat): string {
  const advice = keyAdvice[mostFrequent(key)];
  const sessions = key.sessions.length;
  return key.key !== null && sessions > 1
    ? `${advice} ${sessions} sessions meet on this title-wide row: keep such writes out of the match, or give each session a row of its own and sum them up at its end.`
    : advice;
}

const sessionAdvice: Readonly<Record<SessionHeatKind, string>> = {
  LOAD: 'This session is a hot partition: ticks of one session are applied one after the other, so it cannot be spread. Send fewer, larger ticks through the commit endpoint, leave out effects that change nothing, and split a match whose parts share no rows into several sessions; if others suffer, give it a title and a server of its own.',
  CONFLICTS:
    'Many of its actions are rejected by conflicts: see the rows of kind KEY for where, and let the simulator check what it knows before it sends.',
  WAITS:
    'Its ticks wait for the one before: a predecessor comes late or gets lost. Send ticks from one process through one pipeline, look at the network in between, and lower how many are in flight.',
  FENCED:
    'Commits with an old fence are refused: two simulators write this session. Stop the one that was taken over, and take over only when it is gone.',
};

const keyAdvice: Readonly<Record<ConflictCode, string>> = {
  VERSION_MISMATCH:
    'Several writers swap this row. For a counter or balance use adjust with a require on the result: it needs no version. Else swap through retryOnConflict, give the row one writer, or split it into a row a writer.',
  GUARD_FAILED:
    "An effect's require does not hold here, again and again. If it is a rule of the game, let the simulator check it before it sends; if many spend from one balance, split the balance.",
  ROW_EXISTS:
    'It is inserted although it is there. Use upsert where either is right, and keys that only one writer makes.',
  ROW_NOT_FOUND:
    'It is changed although it is not there, as by orders to units that are gone. Insert it earlier, use upsert, or drop what names deleted rows.',
  OUT_OF_RANGE:
    "Its value would leave its column's range. Give the column a wider type, or bound the change with a require.",
};

/** The earlier in precedence where two are equally frequent. */
function mostFrequent({ byCode }: KeyHeat): ConflictCode {
  return conflictCodes.reduce((most, code) =>
    (byCode[code] ?? 0) > (byCode[most] ?? 0) ? code : most,
  );
}
