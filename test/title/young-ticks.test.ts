import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { constants, PerformanceObserver } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { getHeapSpaceStatistics } from 'node:v8';
import { expect, it, onTestFinished } from 'vitest';
import { ClientDeparture } from '../../engine/govern/departure.ts';
import { buildTickBatch } from '../../engine/intake/rows/batch-builder.ts';
import { Catalog } from '../../engine/model/catalog.ts';
import type { Engine } from '../../engine/ports/engine.ts';
import { openEngine } from '../../engine/title/open-engine.ts';
import { requestTicket } from '../../src/api/request-ticket.ts';
import { ashfall } from '../../src/sandbox/ashfall.ts';
import { FakeColumnStore } from '../resolvers/fake-column-store.ts';
import { tickHeader } from '../tick/tick-header.ts';
import { testTicket } from '../ticket.ts';

const catalog = new Catalog(ashfall);
const actions = Array.from({ length: 20 }, (_, i) => ({
  actionId: `action-${i}`,
  row: { playerId: 1, kind: 'MOVE', unitIds: [i], x: i, y: i },
  effects: [],
}));

/** Bytes among the old objects; what a tick leaves there lives until the whole heap is marked. */
function oldBytes(): number {
  const spaces = getHeapSpaceStatistics();
  return spaces.reduce((sum, { space_name: name, space_used_size: used }) => {
    return name === 'old_space' || name === 'map_space' ? sum + used : sum;
  }, 0);
}

async function commitTicks(engine: Engine, from: number, count: number): Promise<void> {
  for (let tick = from; tick < from + count; tick++) {
    const header = tickHeader(tick);
    // A request has a ticket of its own, as the server makes it.
    const origin = {
      requestId: `r${tick}`,
      traceparent: null,
      spans: null,
      departure: new ClientDeparture(),
    };
    const ticket = requestTicket({ subject: 'sim', role: null }, 'GAMEPLAY', origin);
    await engine.commit(ticket, buildTickBatch(catalog, { header, actions, effects: [] }));
  }
}

it('leaves next to nothing of an answered tick among the old objects', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'tickloom-young-'));
  const engine = await openEngine({
    manifest: ashfall,
    directory,
    durability: { mode: 'none' },
    columns: new FakeColumnStore(),
  });
  let wholeHeapMarked = 0;
  const collections = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const { detail } = entry as unknown as { readonly detail: { readonly kind: number } };
      if (detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR) wholeHeapMarked++;
    }
  });
  collections.observe({ entryTypes: ['gc'] });
  onTestFinished(async () => {
    collections.disconnect();
    await engine.close();
    await rm(directory, { recursive: true });
  });
  await engine.openSession(testTicket, 's', false);
  const ticks = 1500;
  await commitTicks(engine, 0, ticks);
  const left: number[] = [];
  for (let window = 1; left.length < 3 && window < 12; window++) {
    const markedBefore = wholeHeapMarked;
    const before = oldBytes();
    await commitTicks(engine, window * ticks, ticks);
    const after = oldBytes();
    // The observer is told a turn later.
    await sleep(20);
    if (wholeHeapMarked === markedBefore) left.push((after - before) / ticks);
  }
  expect(left.length, 'windows in which only the young were collected').toBeGreaterThan(0);
  // A getter in the answer's literal left 3,000 bytes a tick; a spread that gains members 700.
  expect(Math.min(...left)).toBeLessThan(400);
}, 60_000);
