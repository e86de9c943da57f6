import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Ticket } from '../../engine/govern/ticket.ts';
import { EngineError } from '../../engine/model/errors.ts';
import { asLsn } from '../../engine/model/position.ts';
import type { Engine } from '../../engine/ports/engine.ts';
import { exportEndpoint } from '../../src/api/export-endpoint.ts';
import { AuditLog } from '../../src/audit/audit-log.ts';
import { recordAsSaid } from '../../src/audit/recorded-person.ts';
import { type AuditOrigin, RequestAudit } from '../../src/audit/request-audit.ts';
import { ExportCopies } from '../../src/exports/export-copies.ts';
import { ExportLinks } from '../../src/exports/export-link.ts';
import { Exports } from '../../src/exports/exports.ts';
import { Router } from '../../src/host/router.ts';
import { TitleLimits } from '../../src/limits/title-limits.ts';
import { servingLimits } from '../../src/serving-limits.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { Metrics } from '../../src/telemetry/metrics.ts';
import { serveRoutes } from './http-front.ts';

type Source = (ticket: Ticket) => AsyncIterable<Uint8Array>;

/** The export endpoint over HTTP, before a column store that behaves as told. */
async function serveExport(source: Source, copiesBytesMax?: number) {
  const directory = mkdtempSync(`${tmpdir()}/tickloom-exports-`);
  const metrics = new Metrics();
  const logger = createLogger('silent');
  const { url: base, front } = await serveRoutes(metrics, []);
  const links = new ExportLinks('ashfall', Buffer.from('s'), () => base);
  const bound = copiesBytesMax === undefined ? {} : { copiesBytesMax };
  const exports = new Exports({ directory, links, ttlMs: 60_000, logger, ...bound });
  const columns = {
    waitForCovered: async () => undefined,
    export: async (ticket: Ticket) => source(ticket),
  };
  const engine = { columns } as unknown as Engine;
  const use = new TitleLimits({}, metrics, { record: () => undefined });
  const log = await AuditLog.open({ directory: join(directory, 'audit'), logger });
  const audit = {
    of: (origin: AuditOrigin) => new RequestAudit(log, origin, recordAsSaid),
    export: () => Promise.reject(new Error('no audit log is exported here')),
  };
  const handle = exportEndpoint({ engine, exports, links, audit, use, metrics, logger });
  const route = {
    methods: ['GET', 'HEAD'],
    path: '/{title}/exports/{id}',
    endpoint: 'export',
  } as const;
  front.serve(new Router([{ ...route, handle }]), () => undefined);
  onTestFinished(async () => {
    exports.close();
    await log.close();
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
  const order = async () => {
    const { url, id } = await exports.create(spec, principal);
    return { url, state: async () => (await exports.get(id, principal))?.state };
  };
  const files = () => readdirSync(join(directory, 'copies'));
  return { ...(await order()), order, files };
}

const lengthOf = async (url: string) =>
  (await fetch(url, { method: 'HEAD' })).headers.get('content-length');

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
  await expect.poll(state).toBe('FAILED');
});

test('a client that leaves stops the query, and says nothing about the export', async () => {
  let stopped: () => void = () => undefined;
  const whenStopped = new Promise<void>((resolve) => {
    stopped = resolve;
  });
  const { url, state } = await serveExport(async function* ({ signal }) {
    try {
      while (!signal.aborted) yield new Uint8Array(1024 * 1024);
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

describe('the copy of an export', () => {
  /** Other bytes at every read, as ClickHouse gives. */
  function changing(size: number): Source {
    let reads = 0;
    return async function* () {
      reads += 1;
      for (let sent = 0; sent < size; sent += 100) yield new Uint8Array(100).fill(reads);
    };
  }
  const read = async (url: string) => Buffer.from(await (await fetch(url)).bytes());

  test('is made by one read at a time; another is asked to wait', async () => {
    let goOn: () => void = () => undefined;
    const paused = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const { url } = await serveExport(async function* () {
      yield new Uint8Array(1_000);
      await paused;
      yield new Uint8Array(1_000);
    });
    const first = await fetch(url);
    const second = await fetch(url);
    expect(second.status).toBe(503);
    expect(second.headers.get('retry-after')).toBe('2');
    expect(await second.json()).toMatchObject({
      errors: [{ extensions: { code: 'UNAVAILABLE' } }],
    });
    goOn();
    const whole = Buffer.from(await first.bytes());
    expect((await read(url)).equals(whole)).toBe(true);
  });

  test('is not made of a read that broke off, nor left behind by it', async () => {
    let reads = 0;
    const { url, files } = await serveExport(async function* () {
      reads += 1;
      yield new Uint8Array(1_000);
      if (reads === 1) throw new Error('the column store went away');
    });
    await expect(read(url)).rejects.toThrow();
    expect(await lengthOf(url)).toBeNull();
    await expect.poll(files).toEqual([]);
    expect(await read(url)).toHaveLength(1_000);
    expect(await lengthOf(url)).toBe('1000');
  });

  test('makes room for newer ones, those read the longest ago first (exportCopiesBytesMax)', async () => {
    const { url: a, order, files } = await serveExport(changing(1_000), 2_500);
    const [b, c] = [(await order()).url, (await order()).url];
    const bytesOfA = await read(a);
    await read(b);
    expect((await read(a)).equals(bytesOfA)).toBe(true);
    await read(c);
    expect(files()).toHaveLength(2);
    expect(await lengthOf(a)).toBe('1000');
    expect(await lengthOf(b)).toBeNull();
    expect(await lengthOf(c)).toBe('1000');
    expect((await read(a)).equals(bytesOfA)).toBe(true);
  });

  test('is not made of an export that is larger than all copies may be, which promises no length', async () => {
    const { url, files, state } = await serveExport(changing(3_000), 2_500);
    const first = await read(url);
    expect(first).toHaveLength(3_000);
    expect(await state()).toBe('COMPLETE');
    expect(files()).toEqual([]);
    const head = await fetch(url, { method: 'HEAD' });
    expect(head.headers.get('content-length')).toBeNull();
    expect(head.headers.get('etag')).toBeNull();
    expect(head.headers.get('accept-ranges')).toBe('none');
    const [second, third] = await Promise.all([read(url), read(url)]);
    expect([second, third].map((bytes) => bytes.length)).toEqual([3_000, 3_000]);
  });

  test('is not made where the disk is almost full (exportCopiesFreeBytesMin)', async () => {
    const directory = mkdtempSync(`${tmpdir()}/tickloom-copies-`);
    onTestFinished(() => rmSync(directory, { recursive: true }));
    let free: number = servingLimits.exportCopiesFreeBytesMin;
    const freeBytesAt = async () => free;
    const copies = new ExportCopies({ directory, logger: createLogger('silent'), freeBytesAt });
    for (const [id, isKept] of [
      ['a', true],
      ['b', false],
    ] as const) {
      const draft = await copies.begin(id);
      await draft?.write(new Uint8Array(10));
      if (draft === null) throw new Error('no draft');
      await copies.keep(id, draft);
      await copies.end(id, draft);
      expect(copies.peek(id) !== null).toBe(isKept);
      expect(readdirSync(directory)).toHaveLength(1);
      free -= 1;
    }
  });
});
