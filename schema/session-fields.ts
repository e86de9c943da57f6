import type { SessionInfo } from '../engine/index.ts';
import { position } from '../resolvers/position.ts';
import { closeSession, openSession, sessionById } from '../resolvers/sessions.ts';
import type { SchemaScope } from './scope.ts';

/** `session`, `openSession`, `closeSession`. */
export function addSessionFields({ builder }: SchemaScope): void {
  const session = builder.objectRef<SessionInfo>('Session').implement({
    description: 'One match: the unit of tick order.',
    fields: (t) => ({
      sessionId: t.exposeID('sessionId', { description: 'Its name.' }),
      fence: t.exposeInt('fence', {
        description:
          'Its epoch: rises with every take-over. A simulator that sends an older one can no longer write.',
      }),
      lastTick: t.exposeInt('lastTick', {
        nullable: true,
        description: 'The last tick committed; null before the first.',
      }),
      position: t.field({
        type: 'Position',
        description: 'The last place in the log that concerns it.',
        resolve: position,
      }),
      stateHash: t.exposeString('stateHash', {
        description: 'Hash of its rows after the last tick, chained from its first one.',
      }),
      open: t.exposeBoolean('open', { description: 'Whether it takes ticks.' }),
    }),
  });
  const openInput = builder.inputType('OpenSessionInput', {
    description: 'Which session to open, and how.',
    fields: (t) => ({
      sessionId: t.id({ required: true, description: 'Its name, yours to choose.' }),
      takeOver: t.boolean({
        defaultValue: false,
        description:
          'Raise the fence: whoever wrote before is refused (`FENCED`) from then on. Also reopens a closed session.',
      }),
    }),
  });
  const closeInput = builder.inputType('CloseSessionInput', {
    description: 'Which session to close.',
    fields: (t) => ({
      sessionId: t.id({ required: true, description: 'Its name.' }),
      fence: t.int({
        description: 'Your fence; a session that was taken over is not closed (`FENCED`).',
      }),
    }),
  });
  builder.queryField('session', (t) =>
    t.field({
      type: session,
      nullable: true,
      description: 'A session as it stands; null where none of that name was ever opened.',
      args: { sessionId: t.arg.id({ required: true, description: 'Its name.' }) },
      resolve: sessionById,
    }),
  );
  builder.mutationField('openSession', (t) =>
    t.field({
      type: session,
      description: 'Opens a session, or finds it open. Durable when it answers.',
      args: { input: t.arg({ type: openInput, required: true, description: 'Which and how.' }) },
      resolve: openSession,
    }),
  );
  builder.mutationField('closeSession', (t) =>
    t.field({
      type: session,
      description: 'Closes a session: it refuses ticks until it is taken over.',
      args: { input: t.arg({ type: closeInput, required: true, description: 'Which.' }) },
      resolve: closeSession,
    }),
  );
}
