import type { LiveSubscription } from '../resolvers/live-subscriptions.ts';
import {
  endSubscription,
  lagMs,
  lagTicks,
  liveSubscriptions,
  subscribedSession,
  subscribedSince,
  subscriber,
  subscriberRole,
  toldPosition,
} from '../resolvers/subscription-fields.ts';
import type { SchemaScope } from './scope.ts';

/** `liveSubscriptions`, `endSubscription`. */
export function addSubscriptionFields({ builder }: SchemaScope): void {
  const transport = builder.enumType('SubscriptionTransport', {
    description: 'How frames reach their subscriber.',
    values: {
      WEBSOCKET: { description: 'Over a WebSocket.' },
      EVENT_STREAM: { description: 'As server-sent events.' },
    } satisfies Record<LiveSubscription['outgoing']['transport'], unknown>,
  });
  const live = builder.objectRef<LiveSubscription>('LiveSubscription').implement({
    description: 'Somebody who listens now: to what, since when, and how far behind.',
    fields: (t) => ({
      id: t.exposeID('id', { description: 'What `endSubscription` takes.' }),
      subject: t.string({ description: 'Who listens.', resolve: subscriber }),
      role: t.string({
        nullable: true,
        description: 'With which role, now.',
        resolve: subscriberRole,
      }),
      claims: t.exposeStringList('claims', {
        description: 'The claims of the token that decide which rows it gets, by name.',
      }),
      transport: t.field({
        type: transport,
        description: 'How it is sent.',
        resolve: ({ outgoing }) => outgoing.transport,
      }),
      address: t.string({
        nullable: true,
        description:
          'The address of the connection: of a proxy, where one stands before the server.',
        resolve: ({ outgoing }) => outgoing.address,
      }),
      client: t.string({
        nullable: true,
        description: 'The program that listens, as it calls itself (`user-agent`).',
        resolve: ({ outgoing }) => outgoing.client,
      }),
      operation: t.string({
        nullable: true,
        description: 'The name that the GraphQL document gives to the operation.',
        resolve: ({ outgoing }) => outgoing.operation,
      }),
      source: t.exposeString('source', { description: 'The view or state table that it follows.' }),
      session: t.string({
        nullable: true,
        description: 'The session whose rows alone it gets; null where it names none.',
        resolve: subscribedSession,
      }),
      whereFingerprint: t.exposeString('whereFingerprint', {
        nullable: true,
        description:
          'Equal for the same condition, the rule of the role within it; null where there is none.',
      }),
      startedAt: t.field({
        type: 'DateTime',
        description: 'When it began.',
        resolve: subscribedSince,
      }),
      position: t.field({
        type: 'Position',
        description: 'Everything up to here it has been told.',
        resolve: toldPosition,
      }),
      lagTicks: t.int({ description: 'Ticks that wait for it.', resolve: lagTicks }),
      lagMs: t.int({ description: 'How long the oldest of them waits.', resolve: lagMs }),
      framesSent: t.exposeInt('framesSent', { description: 'Frames it was handed.' }),
      bytesSent: t.float({
        description: 'Their bytes, as they were sent.',
        resolve: ({ outgoing }) => outgoing.bytesSent,
      }),
      bytesQueued: t.float({
        description:
          'Bytes that its connection has not taken yet, those of other operations on it included.',
        resolve: ({ outgoing }) => outgoing.queuedBytes(),
      }),
    }),
  });
  builder.queryField('liveSubscriptions', (t) =>
    t.field({
      type: [live],
      description: 'Who listens to what now, on this server, the oldest first.',
      args: {
        first: t.arg.int({ description: 'So many at most; 100 where it is left out.' }),
        after: t.arg.id({
          description: 'The id of the last of the page before; it may have ended by now.',
        }),
      },
      resolve: liveSubscriptions,
    }),
  );
  builder.mutationField('endSubscription', (t) =>
    t.boolean({
      description:
        'Ends a subscription; false where none of that id runs. Whoever listened gets `QUERY_KILLED`, and the SDK does not subscribe again.',
      args: {
        id: t.arg.id({ required: true, description: 'Its id in `liveSubscriptions`.' }),
        reason: t.arg.string({
          description: 'Why, in 200 characters: the subscriber and the audit log are told.',
        }),
      },
      resolve: endSubscription,
    }),
  );
}
