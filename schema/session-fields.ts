import { type SessionInfo, sessionColumns } from '../engine/index.ts';
import { position } from '../resolvers/position.ts';
import {
  closeSession,
  openSession,
  sessionById,
  sessionConditions,
  sessionList,
} from '../resolvers/sessions.ts';
import { addConnection } from './connection.ts';
import type { Relation, RelationColumn } from './relation.ts';
import { addWhereType } from './row-types.ts';
import type { SchemaScope } from './scope.ts';
import type { SharedTypes } from './shared-types.ts';
import { addOrderType, columnEnumValues } from './table-types.ts';

/** `session`, `sessions`, `openSession`, `closeSession`. */
export function addSessionFields(scope: SchemaScope, shared: SharedTypes): void {
  const { builder } = scope;
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
  addSessionList(scope, shared, session);
  builder.mutationField('openSession', (t) =>
    t.field({
      type: session,
      description:
        'Opens a session, or finds it open; a closed one is refused (`FENCED`) without `takeOver`. Durable when it answers.',
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

function addSessionList(scope: SchemaScope, shared: SharedTypes, session: unknown): void {
  const { builder } = scope;
  const columns: RelationColumn[] = sessionColumns.map((definition) => ({
    definition,
    enumName: null,
    description: columnDescriptions[definition.name] ?? '',
  }));
  const relation: Relation = {
    name: 'sessions',
    typeName: 'Session',
    columns: columns.filter(({ definition }) => sessionConditions.has(definition.name)),
    key: [],
  };
  const column = builder.enumType('SessionColumn', {
    description: 'What to order sessions by.',
    values: columnEnumValues(columns),
  });
  const where = addWhereType(scope, relation);
  const order = addOrderType(scope, shared, 'SessionOrder', column, relation.name);
  const connection = addConnection<SessionInfo>(scope, shared, {
    typeName: relation.typeName,
    node: session,
    of: 'sessions',
    edge: 'A session',
    noun: 'session',
    position: {
      name: 'position',
      description: 'Each session is as it was here, or a moment later.',
    },
  });
  builder.queryField('sessions', (t) =>
    t.field({
      type: connection,
      description:
        'The sessions there are, closed ones among them, a page at a time; in order of name unless `orderBy` says otherwise.',
      args: {
        where: t.arg({ type: where, description: 'Which sessions; all where it is left out.' }),
        orderBy: t.arg({ type: [order], description: 'Their order; ties are broken by name.' }),
        first: t.arg.int({
          description: 'Sessions of the page at most; 100 where it is left out.',
        }),
        after: t.arg.string({ description: 'The cursor after which the page begins.' }),
      },
      resolve: sessionList,
    }),
  );
}

const columnDescriptions: Readonly<Record<string, string>> = {
  sessionId: 'Its name.',
  fence: 'Its epoch: rises with every take-over.',
  lastTick: 'The last tick committed; null before the first.',
  open: 'Whether it takes ticks.',
  position: 'The last place in the log that concerns it: what happened last comes last.',
};
