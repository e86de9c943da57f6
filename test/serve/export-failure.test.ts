import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { expect, onTestFinished, test } from 'vitest';
import type { ExportRequest } from '../../engine/columns/column-queries.ts';
import { EngineError } from '../../engine/model/errors.ts';
import { asLsn } from '../../engine/model/position.ts';
import type { Engine } from '../../engine/ports/engine.ts';
import { exportEndpoint } from '../../src/api/export-endpoint.ts';
import { ExportLinks } from '../../src/exports/export-link.ts';
import { Exports } from '../../src/exports/exports.ts';
import { Router } from '../../src/host/router.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { Metrics } from '../../src/telemetry/metrics.ts';
import { serveRoutes } from './http-front.ts';

type Source = (request: ExportRequest) => AsyncIterable<Uint8Array>;

/** The export endpoint over HTTP, before a column store that behaves as told. */
async function serveExport(source: Source) {
  const directory = mkdtempSync(`${tmpdir()}/tickloom-exports-`);
  const metrics = new Metrics();
  const logger = createLogger('silent');
  const { url: base, front } = await serveRoutes(metrics, []);
  const links = new ExportLinks('ashfall', Buffer.from('s'), () => base);
  const exports = new Exports({ directory, links, ttlMs: 60_000, logger });
  const columns = {
    waitForCovered: async () => undefined,
    export: async (request: ExportRequest) => source(request),
  };
  const engine = { columns } as unknown as Engine;
  const handle = exportEndpoint({ engine, exports, links, metrics, logger });
  const route = { methods: ['GET'], path: '/{title}/exports/{id}', endpoint: 'export' } as const;
  front.serve(new Router([{ ...route, handle }]), () => undefined);
  onTestFinished(() => {
    exports.close();
    rmSync(directory, { recursive: true });
  });
  const principal = {
    subject: 'ann',
    role: null,
    class: 'ARCHIVAL',
    claims: {},
    expiresAtMs: 0,
  } as const;
  const spec = {
    source: { kind: 'table', table: 'actionLog', where: null, columns: null },
    format: 'ARROW_STREAM',
    compression: 'NONE',
    sinceLsn: null,
    asOfLsn: asLsn(1),
  } as const;
  const { url, id } = await exports.create(spec, principal);
  return { url, state: async () => (await exports.get(id, principal))?.state };
}

test('an export that fails before its first byte answers the error', async () => {
  const { url, state } = await serveExport(async function* () {
    yield* [];
    throw new EngineError('QUERY_MEMORY', 'the query needs more memory than it may use');
  });
  const response = await fetch(url);
  expect(response.status).toBe(503);
  expect(await response.json()).toMatchObject({
    errors: [{ extensions: { code: 'QUERY_MEMORY', category: 'overload' } }],
  });
  expect(await state()).toBe('FAILED');
});

test('an export that fails later breaks off, so that half of it never looks whole', async () => {
  const { url, state } = await serveExport(async function* () {
    yield new Uint8Array(1_000);
    throw new Error('the column store went away');
  });
  const response = await fetch(url);
  expect(response.status).toBe(200);
  await expect(response.bytes()).rejects.toThrow();
  expect(await state()).toBe('FAILED');
});

test('a client that leaves stops the query, and says nothing about the export', async () => {
  let stopped: () => void = () => undefined;
  const whenStopped = new Promise<void>((resolve) => {
    stopped = resolve;
  });
  const { url, state } = await serveExport(async function* ({ signal }) {
    try {
      while (!signal?.aborted) yield new Uint8Array(1024 * 1024);
    } finally {
      stopped();
    }
  });
  const abort = new AbortController();
  const response = await fetch(url, { signal: abort.signal });
  await response.body?.getReader().read();
  expect(await state()).toBe('STREAMING');
  abort.abort();
  await whenStopped;
  await expect.poll(state).toBe('READY');
});

test('an export is read no faster than its client takes it', async () => {
  let made = 0;
  const { url } = await serveExport(async function* () {
    for (; made < 400; made++) yield new Uint8Array(1024 * 1024);
  });
  const response = await fetch(url);
  const reader = response.body?.getReader();
  await reader?.read();
  // As much as the sockets on both sides hold, and not the 400 MB there are.
  let before = -1;
  while (before !== made) {
    before = made;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  expect(made).toBeLessThan(100);
  await reader?.cancel();
});
