import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { RecordAuthor } from '../../engine/govern/record-author.ts';
import { Ticket } from '../../engine/govern/ticket.ts';
import { buildTickBatch } from '../../engine/intake/rows/batch-builder.ts';
import { readLog } from '../../engine/log/read-log.ts';
import { asLsn } from '../../engine/model/position.ts';
import type { Engine } from '../../engine/ports/engine.ts';
import { decodeHeader } from '../../engine/tick/tick-record.ts';
import { tickHeader } from '../tick/tick-header.ts';
import { testTicket } from '../ticket.ts';
import { contentOf, insertUnit, TestTitle } from './test-title.ts';

function ticketOf(subject: string): Ticket {
  const authorOf = (principal: { subject: string; role: string | null }): RecordAuthor => ({
    ...principal,
    address: '192.0.2.7',
    client: 'arena/3',
  });
  return new Ticket({ ...testTicket, principal: { subject, role: 'game-server' }, authorOf });
}

function tick(engine: Engine, ticket: Ticket, number: number) {
  const batch = buildTickBatch(engine.catalog, {
    header: tickHeader(number),
    actions: [],
    effects: [insertUnit(number)],
  });
  return engine.commit(ticket, batch);
}

/** Some commits by ann and, where she retries, ben; what was answered and what the title is then. */
async function played(title: TestTitle, ann: Ticket, ben: Ticket) {
  const engine = await title.open();
  await engine.openSession(ann, 's', false);
  const first = await tick(engine, ann, 1);
  const retried = await tick(engine, ben, 1);
  const second = await tick(engine, ben, 2);
  await engine.closeSession(ben, 's', null);
  const content = contentOf(engine);
  await title.close(engine);
  return { answers: [first, retried, second].map(({ row: _, ...rest }) => rest), content };
}

async function authorsIn(title: TestTitle): Promise<(RecordAuthor | undefined)[]> {
  const authors: (RecordAuthor | undefined)[] = [];
  await readLog({
    directory: join(title.directory, 'log'),
    replayFrom: asLsn(1),
    onRecord: ({ payload }) => void authors.push(decodeHeader(payload).header.by),
  });
  return authors;
}

describe('records of a title name who made them', () => {
  it('ticks and sessions alike, each once: a retry of another subject is the first answer again', async () => {
    const title = await TestTitle.create();
    const { answers } = await played(title, ticketOf('ann'), ticketOf('ben'));
    expect(answers.map(({ duplicate }) => duplicate)).toEqual([false, true, false]);
    expect(answers[1]).toEqual({ ...answers[0], duplicate: true });
    const by = (subject: string) => ({
      subject,
      role: 'game-server',
      address: '192.0.2.7',
      client: 'arena/3',
    });
    expect(await authorsIn(title)).toEqual([by('ann'), by('ann'), by('ben'), by('ben')]);
  });

  it('and come to what those do that name nobody: answers, hashes, rows, after a restart too', async () => {
    const named = await TestTitle.create();
    const unnamed = await TestTitle.create();
    const some = await played(named, ticketOf('ann'), ticketOf('ben'));
    const none = await played(unnamed, testTicket, testTicket);
    expect(await authorsIn(unnamed)).toEqual([undefined, undefined, undefined, undefined]);
    expect(some).toEqual(none);
    expect(contentOf(await named.open())).toEqual(contentOf(await unnamed.open()));
  });
});
