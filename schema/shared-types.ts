import type { OrderBy, SubscribeRequest } from '../engine/index.ts';
import type { QueryClass } from '../engine/model/types.ts';
import type { PageInfo } from '../resolvers/list-page.ts';
import type { SchemaScope } from './scope.ts';

/** Types that every title's schema has, whatever its tables. */
export function addSharedTypes({ builder }: SchemaScope) {
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
  return { direction, pageInfo, frameKind, lagPolicy, queryClass };
}
export type SharedTypes = ReturnType<typeof addSharedTypes>;
