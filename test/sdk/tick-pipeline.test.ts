import { PipelineStoppedError, TickloomError } from '@tickloom/sdk';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { AshfallClient, type AshfallTick } from '../../examples/ashfall/tickloom.ts';
import { runs } from '../budget.ts';
import { type Fault, type ModelOptions, ModelServer } from './model-server.ts';

let model: ModelServer;
afterEach(() => model.http.close());

async function pipelineOf(options: ModelOptions, inFlightMax = 16) {
  model = await ModelServer.start(options);
  const client = new AshfallClient({
    url: model.http.url,
    token: 'secret',
    retry: { attemptsMax: 30, baseMs: 1, maxMs: 2 },
  });
  const session = await client.openSession('m1');
  return session.pipeline({ inFlightMax });
}

const act = (tick: number) => (builder: AshfallTick) => {
  builder.action({ actionId: `a${tick}`, playerId: 1, kind: 'MOVE', unitIds: [tick] });
};

describe('pipeline', () => {
  it('applies ticks in order though their requests arrive in reverse', async () => {
    const pipeline = await pipelineOf({ fault: (arrival) => ({ delayMs: (8 - arrival) * 3 }) });
    const ticks = [0, 1, 2, 5, 6, 9, 10, 20];
    const settled: number[] = [];
    const outcomes = ticks.map((tick) =>
      pipeline.commit(tick, act(tick)).then((outcome) => settled.push(outcome.tick)),
    );
    await Promise.all(outcomes);
    await pipeline.drain();
    expect(model.applied.map(({ tick }) => tick)).toEqual(ticks);
    expect(settled).toEqual(ticks);
    expect(model.waitingMax).toBeGreaterThan(0);
  });

  it('keeps no more in flight than asked', async () => {
    const open = { now: 0, max: 0 };
    const pipeline = await pipelineOf({ fault: () => ({ delayMs: 2 }) }, 3);
    model.http.http.on('request', (_request, response) => {
      open.now += 1;
      open.max = Math.max(open.max, open.now);
      response.on('close', () => {
        open.now -= 1;
      });
    });
    for (let tick = 0; tick < 12; tick += 1) {
      await pipeline.ready();
      void pipeline.commit(tick, act(tick));
    }
    await pipeline.drain();
    expect(open.max).toBe(3);
    expect(model.applied).toHaveLength(12);
  });

  it('sends a tick again that waited in vain for a late one', async () => {
    // The request of tick 0 is lost twice and late; tick 1 waits 5 ms on the server and is refused.
    const faults: Fault[] = [{ loseRequest: true, delayMs: 30 }, {}];
    const pipeline = await pipelineOf({ tickWaitMs: 5, fault: (i) => faults[i] ?? {} });
    const outcomes = [0, 1].map((tick) => pipeline.commit(tick, act(tick)));
    await expect(Promise.all(outcomes)).resolves.toMatchObject([{ tick: 0 }, { tick: 1 }]);
    expect(model.applied.map(({ tick }) => tick)).toEqual([0, 1]);
  });

  it('answers a tick that was committed before as a duplicate', async () => {
    const pipeline = await pipelineOf({ fault: (i) => ({ loseAnswer: i === 0 }) });
    await expect(pipeline.commit(0, act(0))).resolves.toMatchObject({ duplicate: true });
    expect(model.applied).toHaveLength(1);
  });

  it('stops at a tick that fails, naming it', async () => {
    const pipeline = await pipelineOf({
      failing: new Map([[2, 'BAD_USER_INPUT']]),
      tickWaitMs: 20,
    });
    const outcomes = [0, 1, 2, 3, 4].map((tick) => pipeline.commit(tick, act(tick)));
    const settled = await Promise.allSettled(outcomes);
    expect(settled.map(({ status }) => status)).toEqual([
      'fulfilled',
      'fulfilled',
      'rejected',
      'rejected',
      'rejected',
    ]);
    const { reason } = settled[2] as PromiseRejectedResult;
    expect(reason).toBeInstanceOf(PipelineStoppedError);
    expect(reason).toMatchObject({ failedTick: 2, code: 'BAD_USER_INPUT', category: 'invalid' });
    expect(reason.cause).toBeInstanceOf(TickloomError);
    await expect(pipeline.drain()).rejects.toBe(reason);
    await expect(pipeline.ready()).rejects.toBe(reason);
    await expect(pipeline.commit(9, act(9))).rejects.toBe(reason);
    expect(model.applied.map(({ tick }) => tick)).toEqual([0, 1]);
  });

  it('stops behind a tick that was aborted, whose own outcome it gives', async () => {
    const pipeline = await pipelineOf({ aborted: new Set([1]), tickWaitMs: 20 });
    const outcomes = [0, 1, 2].map((tick) => pipeline.commit(tick, act(tick)));
    const settled = await Promise.allSettled(outcomes);
    expect(settled).toMatchObject([
      { value: { aborted: false } },
      { value: { aborted: true } },
      { reason: { failedTick: 1, code: 'TICK_ABORTED' } },
    ]);
  });

  it('throws at once for a tick that does not rise and for a builder that throws', async () => {
    const pipeline = await pipelineOf({});
    void pipeline.commit(4, act(4));
    expect(() => pipeline.commit(4, act(4))).toThrow('tick 4 does not come after tick 4');
    expect(() =>
      pipeline.commit(5, () => {
        throw new RangeError('mine');
      }),
    ).toThrow('mine');
    await pipeline.commit(5, act(5));
    await pipeline.drain();
    expect(model.applied.map(({ tick }) => tick)).toEqual([4, 5]);
  });

  it('refuses more ticks than its queue holds', async () => {
    model = await ModelServer.start();
    const client = new AshfallClient({ url: model.http.url, token: 'secret' });
    const session = await client.openSession('m1');
    const pipeline = session.pipeline({ inFlightMax: 1, queuedMax: 2 });
    for (const tick of [0, 1, 2]) void pipeline.commit(tick, act(tick));
    expect(() => pipeline.commit(3, act(3))).toThrow(/pipeline\.ready/);
    await pipeline.drain();
    expect(model.applied.map(({ tick }) => tick)).toEqual([0, 1, 2]);
  });

  it('commits every tick once and in order, whatever the network does', async () => {
    const fault: fc.Arbitrary<Fault> = fc.oneof(
      { weight: 3, arbitrary: fc.constant({}) },
      { weight: 2, arbitrary: fc.record({ delayMs: fc.integer({ min: 0, max: 6 }) }) },
      fc.record({ loseRequest: fc.constant(true), delayMs: fc.integer({ min: 0, max: 6 }) }),
      fc.record({ loseAnswer: fc.constant(true), delayMs: fc.integer({ min: 0, max: 3 }) }),
      fc.record({ twice: fc.constant(true), loseAnswer: fc.boolean() }),
      fc.record({ refuse: fc.constantFrom('OVERLOADED', 'UNAVAILABLE', 'RATE_LIMITED') }),
    );
    const scenario = fc.record({
      faults: fc.array(fault, { maxLength: 40 }),
      gaps: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 24 }),
      inFlightMax: fc.integer({ min: 1, max: 16 }),
      tickWaitMs: fc.constantFrom(1, 5, 1_000),
    });
    await fc.assert(
      fc.asyncProperty(scenario, async ({ faults, gaps, inFlightMax, tickWaitMs }) => {
        const pipeline = await pipelineOf(
          { fault: (i) => faults[i] ?? {}, tickWaitMs },
          inFlightMax,
        );
        try {
          const settled: number[] = [];
          const ticks: number[] = [];
          for (const gap of gaps) {
            const tick = (ticks.at(-1) ?? -1) + gap;
            ticks.push(tick);
            await pipeline.ready();
            void pipeline.commit(tick, act(tick)).then((outcome) => settled.push(outcome.tick));
          }
          await pipeline.drain();
          expect(model.applied.map(({ tick }) => tick)).toEqual(ticks);
          expect(settled).toEqual(ticks);
          for (const { tick, content } of model.applied) expect(content).toContain(`"a${tick}"`);
        } finally {
          await model.http.close();
        }
      }),
      { numRuns: runs(60) },
    );
    model = await ModelServer.start();
  });
});
