import { describe, expect, it } from 'vitest';
import { ClientDeparture } from '../../engine/govern/departure.ts';
import { Ticket } from '../../engine/govern/ticket.ts';
import { Turns } from '../../engine/govern/turns.ts';
import { WorkBudget } from '../../engine/govern/work-budget.ts';
import { requestTicket } from '../../src/api/request-ticket.ts';
import { traceparentOf } from '../../src/telemetry/trace-context.ts';

/** A ticket by a clock that the test steps. */
function stepped(signal?: AbortSignal) {
  const clock = { nowMs: 100 };
  const options = { nowMs: () => clock.nowMs, ...(signal ? { signal } : {}) };
  return { clock, ticket: Ticket.internal('a test', options) };
}

describe('a ticket', () => {
  it('has no deadline of itself, and one that is set for a call', () => {
    const { clock, ticket } = stepped();
    expect([ticket.deadline, ticket.leftMs]).toEqual([null, Number.POSITIVE_INFINITY]);
    const call = ticket.within(30);
    clock.nowMs += 10;
    expect([call.deadline, call.leftMs]).toEqual([{ atMs: 130, givenMs: 30 }, 20]);
  });

  it('keeps the nearer deadline', () => {
    const { ticket } = stepped();
    expect(ticket.within(30).within(50).deadline).toEqual({ atMs: 130, givenMs: 30 });
    expect(ticket.within(50).within(30).deadline).toEqual({ atMs: 130, givenMs: 30 });
  });

  it('is over at its deadline, with the time it had', () => {
    const { clock, ticket } = stepped();
    const call = ticket.within(30);
    call.check();
    clock.nowMs += 30;
    expect(() => call.check()).toThrow(
      expect.objectContaining({
        code: 'QUERY_TIMEOUT',
        message: expect.stringContaining('30 ms'),
        details: { timeoutMs: 30 },
      }),
    );
  });

  it('is over when its request ends, or the other signal that it is made to heed aborts', () => {
    const [request, kill] = [new AbortController(), new AbortController()];
    const { ticket } = stepped(request.signal);
    const query = ticket.until(kill.signal);
    kill.abort();
    expect([ticket.end, query.end]).toEqual([null, 'left']);
    request.abort();
    expect(ticket.end).toBe('left');
    expect(() => ticket.check()).toThrow(expect.objectContaining({ code: 'UNAVAILABLE' }));
  });

  it('is told once that it is over, and not after it was released', () => {
    const request = new AbortController();
    const { ticket } = stepped(request.signal);
    const told: string[] = [];
    ticket.whenOver((end) => told.push(end));
    const release = ticket.whenOver(() => told.push('released'));
    release();
    request.abort();
    expect(told).toEqual(['left']);
  });

  it('goes on as shared work without its request, in its name and at nobody’s cost', () => {
    const request = new ClientDeparture();
    const reading = new AbortController();
    const origin = { requestId: 'r', traceparent: null, departure: request };
    const ticket = requestTicket({ subject: 'ann', role: null }, 'OPERATOR', origin).within(10);
    const shared = ticket.shared(reading.signal);
    request.leave();
    const { principal, queryClass, trace } = ticket;
    expect(shared).toMatchObject({ principal, queryClass, trace, deadline: null, end: null });
    expect(shared.budget.spend(Number.MAX_SAFE_INTEGER)).toBe(true);
    reading.abort();
    expect(shared.end).toBe('left');
  });

  it('spends one budget, whatever it is made into', () => {
    const { ticket } = stepped();
    const parts = { ...ticket, budget: new WorkBudget(10) };
    const request = new Ticket(parts);
    expect(request.within(1_000).budget.spend(6)).toBe(true);
    expect(request.until(new AbortController().signal).budget.spend(6)).toBe(false);
  });
});

it('work on the main thread is refused under a ticket that is over, before its first step', async () => {
  const turns = new Turns({ now: () => 0, defer: () => {} });
  let steps = 0;
  function* work() {
    steps++;
    yield 1;
  }
  const { clock, ticket } = stepped();
  const late = ticket.within(1);
  clock.nowMs += 1;
  const left = stepped(AbortSignal.abort()).ticket;
  await expect(turns.run(late, work())).rejects.toMatchObject({ code: 'QUERY_TIMEOUT' });
  await expect(turns.run(left, work())).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  expect(steps).toBe(0);
});

describe('a trace context', () => {
  const valid = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

  it.each([valid, `cc${valid.slice(2)}-what.comes.later`])('%s is kept', (header) => {
    expect(traceparentOf(header)).toBe(header);
  });

  it.each([
    undefined,
    '',
    7,
    [valid, valid],
    valid.toUpperCase(),
    `${valid}-more`,
    `ff${valid.slice(2)}`,
    '00-00000000000000000000000000000000-00f067aa0ba902b7-01',
    '00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01',
    `cc${valid.slice(2)}-${'x'.repeat(1_000)}`,
  ])('%s is none', (header) => {
    expect(traceparentOf(header)).toBeNull();
  });
});
