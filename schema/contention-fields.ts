import type { ContentionKind } from '../engine/index.ts';
import { limits } from '../engine/model/limits.ts';
import {
  type Contention,
  type ContentionCount,
  conflictCounts,
  contendedKey,
  contention,
  lastPosition,
  refusalCounts,
} from '../resolvers/contention.ts';
import type { SchemaScope } from './scope.ts';

/** `contention`. */
export function addContentionFields(scope: SchemaScope): void {
  const type = addContentionType(scope);
  scope.builder.queryField('contention', (t) =>
    t.field({
      type: [type],
      description: `Which sessions and rows conflicted and waited in the last one to two minutes, hot ones first. Counted in memory since the server started. ${limits.contentionRowsMax} lines at most; where there were more, \`extensions.tickloom.truncated\` names this field.`,
      args: {
        sessionId: t.arg.id({
          description:
            'Only this session and the rows its ticks met conflicts on; all that have something to tell where it is left out.',
        }),
      },
      resolve: contention,
    }),
  );
}

function addContentionType({ builder }: SchemaScope) {
  const kind = builder.enumType('ContentionKind', {
    description: 'What a line about contention is about.',
    values: {
      SESSION: { description: 'A session, with all its ticks and direct writes.' },
      KEY: { description: 'A row on which effects failed.' },
    } satisfies Record<ContentionKind, unknown>,
  });
  const count = builder.objectRef<ContentionCount>('ContentionCount').implement({
    description: 'How often a code was answered.',
    fields: (t) => ({
      code: t.exposeString('code', { description: 'The code.' }),
      count: t.exposeInt('count', { description: 'How often.' }),
    }),
  });
  return builder.objectRef<Contention>('Contention').implement({
    description: 'What was seen lately of a session, or of a row that is fought over.',
    fields: (t) => ({
      kind: t.expose('kind', { type: kind, description: 'Of a session, or of a row.' }),
      sessionId: t.exposeID('sessionId', {
        nullable: true,
        description:
          'The session; of a row the one whose ticks met the conflicts, null where they are of several or of none.',
      }),
      sessions: t.exposeInt('sessions', {
        description: `How many sessions met a conflict on the row, ${limits.contentionKeySessionsMax} at most, as no more of them are told apart; 1 of a session.`,
      }),
      table: t.exposeString('table', {
        nullable: true,
        description: 'The table of the row; null of a session.',
      }),
      key: t.field({
        type: 'JSON',
        nullable: true,
        description:
          'The whole key of the row, by column; null of a session, where the conflicts are on no row, where the key is too long, and for a role that may not see all rows of the table.',
        resolve: contendedKey,
      }),
      conflicts: t.exposeInt('conflicts', {
        description:
          'Rejected actions, aborted ticks and refused swaps. Never more than there were.',
      }),
      byCode: t.field({
        type: [count],
        description: 'The conflicts by `ConflictCode`, the most frequent first.',
        resolve: conflictCounts,
      }),
      waits: t.exposeInt('waits', {
        description: 'Ticks that waited for the one they name in `afterTick`.',
      }),
      waitSeconds: t.exposeFloat('waitSeconds', {
        description: 'How long they waited, all together.',
      }),
      commits: t.exposeInt('commits', {
        nullable: true,
        description: 'Ticks and direct writes of the session; null of a row.',
      }),
      actions: t.exposeInt('actions', {
        nullable: true,
        description: 'Actions of the session, rejected ones included; null of a row.',
      }),
      shareOfActions: t.exposeFloat('shareOfActions', {
        nullable: true,
        description: "The session's share of all actions of the title, 0 to 1; null of a row.",
      }),
      applySeconds: t.exposeFloat('applySeconds', {
        nullable: true,
        description:
          "How long applying the session's ticks held the title's one thread; null of a row.",
      }),
      refusals: t.field({
        type: [count],
        description:
          'Commits of the session that failed as `FENCED`, `TICK_OUT_OF_ORDER`, `TICK_ABORTED`, `IDEMPOTENCY_MISMATCH` or `OVERLOADED`, the most frequent first.',
        resolve: refusalCounts,
      }),
      hot: t.exposeBoolean('hot', { description: 'Whether it is worth doing something about.' }),
      lastPosition: t.field({
        type: 'Position',
        nullable: true,
        description:
          'The newest commit with a conflict on the row; of a session its newest commit, null where none was applied.',
        resolve: lastPosition,
      }),
      windowSeconds: t.exposeFloat('windowSeconds', {
        description: 'How far back all these counts go.',
      }),
      advice: t.exposeString('advice', { description: 'What to do about it.' }),
    }),
  });
}
