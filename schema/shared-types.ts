import type { OrderBy, SubscribeRequest } from '../engine/index.ts';
import type { QueryClass } from '../engine/model/types.ts';
import type { AsOf } from '../resolvers/as-of.ts';
import type { PageInfo } from '../resolvers/list-page.ts';
import type { SchemaScope } from './scope.ts';

/** Types that every title's schema has, whatever its tables. */
export function addSharedTypes(scope: SchemaScope) {
  const { builder } = scope;
  const direction = builder.enumType('OrderDirection', {
    description: 'Which end comes first.',
    values: {
      ASC: { description: 'Least first.' },
      DESC: { description: 'Greatest first.' },
    } satisfies Record<OrderBy['direction'], unknown>,
  });
  const pageInfo = builder.objectRef<PageInfo>('PageInfo').implement({
    description: 'Whether and how a list goes on.',
    fields: (t) => ({
      hasNextPage: t.exposeBoolean('hasNextPage', {
        description: 'Whether more follows after this page.',
      }),
      hasPreviousPage: t.exposeBoolean('hasPreviousPage', {
        description: 'Whether the page was asked for by `after`, behind what that cursor ended.',
      }),
      startCursor: t.exposeString('startCursor', {
        nullable: true,
        description: 'The cursor of the first of this page; null on an empty page.',
      }),
      endCursor: t.exposeString('endCursor', {
        nullable: true,
        description: 'What to give as `after` for the next page; null on an empty page.',
      }),
    }),
  });
  const frameKind = builder.enumType('FrameKind', {
    description: 'What a frame holds and what its receiver does with it.',
    values: {
      SNAPSHOT: { description: 'All rows. Forget what was there and take these.' },
      DELTA: { description: 'What changed: `rows` replace by key, `removed` leave.' },
      RESET: {
        description: 'The cursor was too old, or the view was changed. All rows, as in a snapshot.',
      },
      HEARTBEAT: { description: 'Nothing changed; the cursor and position are fresh.' },
    },
  });
  const lagPolicy = builder.enumType('LagPolicy', {
    description: 'What becomes of a subscriber that reads slower than changes come.',
    values: {
      COALESCE: {
        description:
          'Frames in between are merged by key; one that is further behind than the server remembers gets a RESET.',
      },
      DISCONNECT: { description: 'The subscription ends with `OVERLOADED`.' },
    } satisfies Record<SubscribeRequest['onLag'], unknown>,
  });
  const queryClass = builder.enumType('QueryClass', {
    description: 'How urgent a request is, and what it may use.',
    values: {
      GAMEPLAY: { description: 'Part of a running match: first served, and never a heavy query.' },
      OPERATOR: { description: 'Somebody watches and waits: seconds.' },
      ARCHIVAL: { description: 'Nobody waits: minutes, and more memory.' },
    } satisfies Record<QueryClass, unknown>,
  });
  const asOf = addAsOfType(scope);
  return { direction, pageInfo, frameKind, lagPolicy, queryClass, asOf };
}
/** An earlier moment, by which a read or an export is told what the rows were then. */
function addAsOfType({ builder }: SchemaScope) {
  const tick = builder.inputType('AsOfTick', {
    description: 'A tick of a session.',
    fields: (t) => ({
      sessionId: t.id({ required: true, description: 'The session.' }),
      tick: t.int({
        required: true,
        description: 'The tick; where the session has none of this number, the last one before it.',
      }),
    }),
  });
  const asOf = builder.inputRef<AsOf>('AsOf');
  builder.inputType(asOf, {
    description:
      'An earlier moment to look at: everything that was committed up to it, nothing later.',
    isOneOf: true,
    fields: (t) => ({
      position: t.field({ type: 'Position', description: 'A place in the log.' }),
      time: t.field({
        type: 'DateTime',
        description: 'The last place in the log that was committed at or before this time.',
      }),
      tick: t.field({ type: tick, description: 'After a tick of a session.' }),
    }),
  });
  return asOf;
}

/** The argument of reads that may look at an earlier moment. */
export const asOfDescription =
  'The rows exactly as of then, from the column store; as of now where it is left out.';

export const minPositionDescription =
  'The answer must cover at least this; it waits a moment, then fails with `NOT_CAUGHT_UP`.';

export type SharedTypes = ReturnType<typeof addSharedTypes>;
