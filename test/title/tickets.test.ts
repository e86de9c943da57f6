import { readFileSync } from 'node:fs';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ColumnQueries } from '../../engine/columns/column-queries.ts';
import { Ticket } from '../../engine/govern/ticket.ts';
import { buildTickBatch } from '../../engine/intake/rows/batch-builder.ts';
import { asLsn } from '../../engine/model/position.ts';
import type { AccessControl } from '../../engine/ports/access-control.ts';
import type { Engine } from '../../engine/ports/engine.ts';
import type { StateQueries } from '../../engine/ports/state-queries.ts';
import type { ViewQueries } from '../../engine/views/view-engine.ts';
import { tickHeader } from '../tick/tick-header.ts';
import { testTicket } from '../ticket.ts';
import { commit, TestTitle } from './test-title.ts';

/** The methods of a port that take a ticket, each as a call under one. */
type TicketedCalls<Port> = {
  readonly [Name in keyof Port as Port[Name] extends (...given: infer Given) => unknown
    ? Given extends [Ticket, ...unknown[]]
      ? Name
      : never
    : never]: (ticket: Ticket) => unknown;
};

let title: TestTitle;
let engine: Engine;

beforeAll(async () => {
  title = await TestTitle.create(afterAll);
  engine = await title.open({ columns: 'embedded' });
  await engine.openSession(testTicket, 's', false);
  await commit(engine, 1);
}, 60_000);

const source = { kind: 'table', table: 'actionLog', where: null, columns: null } as const;
const bounds = { memoryBytesMax: 500_000_000, rowsReadMax: 10_000_000, threadsMax: 1 };
const page = { where: null, orderBy: [], first: 10, after: null };
const rows = { ...page, table: 'actionLog', bounds };

/** Each call of a request into the engine, one that succeeds while its ticket holds. */
const ports = {
  Engine: {
    openSession: (ticket) => engine.openSession(ticket, 'other', false),
    closeSession: (ticket) => engine.closeSession(ticket, 'other', null),
    session: (ticket) => engine.session(ticket, 's'),
    positionOfTick: (ticket) => engine.positionOfTick(ticket, 's', 1),
    listSessions: (ticket) => engine.listSessions(ticket, page),
    commit: (ticket) => commitTo('s', ticket, 2),
    contention: (ticket) => engine.contention(ticket, null),
    waitForApplied: (ticket) => engine.waitForApplied(ticket, asLsn(1)),
  } satisfies TicketedCalls<Engine>,
  AccessControl: {
    change: (ticket) => {
      const patch = { set: [], remove: [], follow: ['player'] };
      return engine.access.change(ticket, patch, engine.access.lsn, 'admin');
    },
    revoke: (ticket) => engine.access.revoke(ticket, 'mallory', null, 'admin'),
    unrevoke: (ticket) => engine.access.unrevoke(ticket, 'mallory', 'admin'),
  } satisfies TicketedCalls<AccessControl>,
  StateQueries: {
    get: (ticket) => engine.state.get(ticket, 'unitState', { sessionId: 's', unitId: 1 }),
    placeOf: (ticket) => engine.state.placeOf(ticket, 'unitState', null),
    list: (ticket) => engine.state.list(ticket, 'unitState', page),
    select: (ticket) => engine.state.select(ticket, 'unitState', null),
    adviceFor: (ticket) => engine.state.adviceFor(ticket, 'unitState', null),
  } satisfies TicketedCalls<StateQueries>,
  ViewQueries: {
    read: (ticket) => engine.views.read(ticket, 'matchPulse', null),
    subscribe: (ticket) => {
      const request = { where: null, cursor: null, maxRate: null, onLag: 'COALESCE' } as const;
      return engine.views.subscribe(ticket, 'matchPulse', request).return?.();
    },
  } satisfies TicketedCalls<ViewQueries>,
  ColumnQueries: {
    waitForCovered: (ticket) => engine.columns.waitForCovered(ticket, asLsn(1)),
    list: (ticket) => engine.columns.list(ticket, rows),
    groups: (ticket) =>
      engine.columns.groups(ticket, { ...rows, by: [], tickBucket: null, aggregates: [] }),
    positionAt: (ticket) => engine.columns.positionAt(ticket, 1),
    positionOfTick: (ticket) => engine.columns.positionOfTick(ticket, 's', 1),
    sql: (ticket) => engine.columns.sql(ticket, 'SELECT 1', {}, 1, bounds, 'whole'),
    checkSql: (ticket) => engine.columns.checkSql(ticket, 'SELECT 1', {}, bounds, 'whole'),
    export: async (ticket) => {
      const format = { format: 'ARROW_STREAM', compression: 'NONE' } as const;
      const place = { sinceLsn: null, asOfLsn: asLsn(1) };
      for await (const _ of await engine.columns.export(ticket, { source, ...format, ...place })) {
        // Read to its end.
      }
    },
    running: (ticket) => engine.columns.running(ticket),
    kill: (ticket) => engine.columns.kill(ticket, 'none'),
  } satisfies TicketedCalls<ColumnQueries>,
};

/** Where a port is declared, and what no request asks of it. */
const declared: Readonly<Record<keyof typeof ports, { file: string; ticketless: string[] }>> = {
  Engine: { file: 'engine/ports/engine.ts', ticketless: ['close'] },
  AccessControl: {
    file: 'engine/ports/access-control.ts',
    ticketless: ['isRevoked', 'revocations', 'onChange'],
  },
  StateQueries: { file: 'engine/ports/state-queries.ts', ticketless: ['rowCount'] },
  ViewQueries: { file: 'engine/views/view-engine.ts', ticketless: ['subscribers'] },
  ColumnQueries: { file: 'engine/columns/column-queries.ts', ticketless: [] },
};

/** Names and first parameters of the methods that an interface declares. */
function methodsOf(file: string, port: string): ReadonlyMap<string, string> {
  const tree = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true);
  const found = new Map<string, string>();
  const take = (name: string, { parameters }: ts.SignatureDeclaration) =>
    found.set(name, parameters[0]?.type?.getText() ?? '');
  for (const statement of tree.statements) {
    if (!ts.isInterfaceDeclaration(statement) || statement.name.text !== port) continue;
    for (const member of statement.members) {
      const name = member.name?.getText() ?? '';
      if (ts.isMethodSignature(member)) take(name, member);
      const type = ts.isPropertySignature(member) ? member.type : undefined;
      if (type && ts.isFunctionTypeNode(type)) take(name, type);
    }
  }
  return found;
}

/** Commits an empty tick of a session, behind the one before it. */
function commitTo(sessionId: string, ticket: Ticket, tick: number) {
  const header = tickHeader(tick, { sessionId, afterTick: tick === 1 ? null : tick - 1 });
  const batch = buildTickBatch(engine.catalog, { header, actions: [], effects: [] });
  return engine.commit(ticket, batch);
}

function ended(abort = new AbortController()): Ticket {
  abort.abort();
  return Ticket.internal('one who left', { signal: abort.signal });
}

describe.each(Object.entries(ports))('the port %s', (port, calls) => {
  const { file, ticketless } = declared[port as keyof typeof ports];

  it('takes a ticket first in every method that a request can call', () => {
    const methods = methodsOf(file, port);
    const without = [...methods].filter(([, first]) => first !== 'Ticket').map(([name]) => name);
    expect(without).toEqual(ticketless);
    const ticketed = [...methods.keys()].filter((name) => !ticketless.includes(name));
    expect(ticketed.sort()).toEqual(Object.keys(calls).sort());
  });

  describe.each(Object.entries(calls))('in %s', (_, call) => {
    it('refuses one whose request has ended, or whose deadline has passed, and does nothing', async () => {
      const before = engine.appliedLsn;
      for (const [ticket, code] of [
        [ended(), 'UNAVAILABLE'],
        [testTicket.within(0), 'QUERY_TIMEOUT'],
      ] as const) {
        await expect((async () => call(ticket))()).rejects.toMatchObject({ code });
      }
      expect(engine.appliedLsn).toBe(before);
    });
  });
});

describe('a call under a ticket that holds', () => {
  it.each(
    Object.entries(ports).flatMap(([port, calls]) =>
      Object.entries(calls).map(([name, call]) => [`${port}.${name}`, call] as const),
    ),
  )('%s is answered', async (_, call) => {
    await call(testTicket.within(30_000));
  });
});

describe('a tick that waits for its turn', () => {
  it('is given up with its request: it never was, and can be sent again', async () => {
    await engine.openSession(testTicket, 'turns', false);
    await commitTo('turns', testTicket, 1);
    const request = new AbortController();
    const waiting = commitTo(
      'turns',
      Ticket.internal('one who leaves', { signal: request.signal }),
      3,
    );
    const refused = expect(waiting).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    request.abort();
    await refused;
    await commitTo('turns', testTicket, 2);
    expect(engine.session(testTicket, 'turns')?.lastTick).toBe(2);
    expect(await commitTo('turns', testTicket, 3)).toMatchObject({ duplicate: false });
  });

  it('is not appended behind its deadline', async () => {
    await engine.openSession(testTicket, 'deadlines', false);
    let nowMs = 0;
    const stepped = Ticket.internal('a test', { nowMs: () => nowMs });
    await commitTo('deadlines', testTicket, 1);
    const waiting = commitTo('deadlines', stepped.within(30_000), 3);
    const refused = expect(waiting).rejects.toMatchObject({ code: 'QUERY_TIMEOUT' });
    nowMs = 30_000;
    await commitTo('deadlines', testTicket, 2);
    await refused;
    expect(engine.session(testTicket, 'deadlines')?.lastTick).toBe(2);
  });
});

it('a tick that is appended is answered, whatever becomes of its request', async () => {
  await engine.openSession(testTicket, 'answered', false);
  const request = new AbortController();
  const ticket = Ticket.internal('one who leaves', { signal: request.signal });
  const outcome = commitTo('answered', ticket, 1);
  request.abort();
  expect(await outcome).toMatchObject({ tick: 1, duplicate: false });
});

it('a wait for a position ends with its request', async () => {
  const request = new AbortController();
  const ticket = Ticket.internal('one who leaves', { signal: request.signal });
  const beyond = asLsn(engine.appliedLsn + 1_000);
  const waits = [
    engine.waitForApplied(ticket, beyond),
    engine.columns.waitForCovered(ticket, beyond),
  ];
  const refused = waits.map((wait) => expect(wait).rejects.toMatchObject({ code: 'UNAVAILABLE' }));
  request.abort();
  await Promise.all(refused);
});
