import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { EngineError } from '../../engine/model/errors.ts';
import { asLsn } from '../../engine/model/position.ts';
import type { ExportSpec, Principal } from '../../resolvers/context.ts';
import { decodeExport, encodeExport } from '../../src/exports/export-file.ts';
import { ExportLinks } from '../../src/exports/export-link.ts';
import { Exports } from '../../src/exports/exports.ts';
import { servingLimits } from '../../src/serving-limits.ts';
import { secretFromFile } from '../../src/storage/private-file.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { linkSecrets } from './link-secrets.ts';

vi.mock('../../src/serving-limits.ts', async (original) => {
  const { servingLimits } = await original<typeof import('../../src/serving-limits.ts')>();
  return { servingLimits: { ...servingLimits, exportsMax: 5 } };
});

const spec: ExportSpec = {
  source: {
    kind: 'table',
    table: 'actionLog',
    where: {
      kind: 'and',
      all: [
        { kind: 'compare', column: 'wide', op: 'eq', value: 9_007_199_254_740_993n },
        { kind: 'in', column: 'blob', values: [new Uint8Array([0, 255])] },
      ],
    },
    columns: null,
  },
  format: 'ARROW_STREAM',
  compression: 'NONE',
  sinceLsn: null,
  asOfLsn: asLsn(12),
};

const ann: Principal = {
  subject: 'ann',
  role: null,
  class: 'ARCHIVAL',
  claims: {},
  expiresAtMs: 0,
};

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), 'tickloom-exports-'));
  onTestFinished(() => rmSync(path, { recursive: true }));
  return path;
}

function openExports(path: string, nowMs: () => number): Exports {
  const exports = new Exports({
    directory: path,
    links: links(),
    ttlMs: 60_000,
    logger: createLogger('fatal'),
    nowMs,
  });
  onTestFinished(() => exports.close());
  return exports;
}

function links(secret = 'secret'): ExportLinks {
  return new ExportLinks('ashfall', linkSecrets(secret), () => 'http://host');
}

function refusalOf(check: () => void): string {
  try {
    check();
    return 'taken';
  } catch (error) {
    return error instanceof EngineError ? error.code : String(error);
  }
}

describe('export links', () => {
  test('a link holds until it expires', () => {
    const { searchParams } = new URL(links().url('id', 60_000));
    expect(refusalOf(() => links().check('id', searchParams, 59_999))).toBe('taken');
    expect(refusalOf(() => links().check('id', searchParams, 60_000))).toBe('TOKEN_EXPIRED');
  });

  test('any change to export, expiry, title or secret breaks the signature', () => {
    const { searchParams } = new URL(links().url('id', 60_000));
    expect(refusalOf(() => links().check('other', searchParams, 0))).toBe('FORBIDDEN');
    const later = new URLSearchParams(searchParams);
    later.set('expires', '9999');
    expect(refusalOf(() => links().check('id', later, 0))).toBe('FORBIDDEN');
    expect(refusalOf(() => links('other').check('id', searchParams, 0))).toBe('FORBIDDEN');
    const elsewhere = new ExportLinks('other', linkSecrets('secret'), () => 'http://host');
    expect(refusalOf(() => elsewhere.check('id', searchParams, 0))).toBe('FORBIDDEN');
  });

  test('a link without its parts is refused', () => {
    expect(refusalOf(() => links().check('id', new URLSearchParams(), 0))).toBe('UNAUTHENTICATED');
  });

  test('the secret is made once, and only its owner may read it', () => {
    const path = join(directory(), 'deep', 'link-secret');
    const secret = secretFromFile(path);
    expect(secretFromFile(path)).toEqual(secret);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });
});

describe('exports', () => {
  test('an order survives being written and read', () => {
    const stored = {
      id: 'a',
      subject: 'ann',
      expiresAtMs: 1,
      spec: { ...spec, sinceLsn: asLsn(3) },
      state: 'READY',
      bytes: null,
    } as const;
    expect(decodeExport(encodeExport(stored))).toEqual(stored);
  });

  test('an export belongs to its subject, outlives a restart, and tells what became of it', async () => {
    const path = directory();
    let nowMs = 1_000_000;
    const first = openExports(path, () => nowMs);
    const { id, url } = await first.create(spec, ann);
    expect(await first.get(id, { ...ann, subject: 'ben' })).toBeNull();
    first.begin(id);
    expect(await first.get(id, ann)).toMatchObject({ state: 'STREAMING', bytes: null });
    first.end(id, { kind: 'left' });
    expect(await first.get(id, ann)).toMatchObject({ state: 'READY' });
    first.begin(id);
    first.end(id, { kind: 'complete', bytes: 7 });

    const second = openExports(path, () => nowMs);
    expect(await second.get(id, ann)).toMatchObject({ state: 'COMPLETE', bytes: 7n, url });
    expect(second.find(id).spec).toEqual(spec);
    nowMs += 60_001;
    expect(await second.get(id, ann)).toMatchObject({ state: 'EXPIRED' });
  });

  test('an export that expired long ago leaves nothing behind', async () => {
    const path = directory();
    let nowMs = 1_000_000;
    const exports = openExports(path, () => nowMs);
    const { id } = await exports.create(spec, ann);
    nowMs += 200_000;
    await exports.create(spec, ann);
    expect(await exports.get(id, ann)).toBeNull();
    expect(readdirSync(path).filter((file) => file.startsWith(id))).toEqual([]);
  });

  test('no more than a bounded number of exports are open, until some have expired', async () => {
    const path = directory();
    let nowMs = 1_000_000;
    const exports = openExports(path, () => nowMs);
    for (let i = 0; i < servingLimits.exportsMax; i++) await exports.create(spec, ann);
    await expect(exports.create(spec, ann)).rejects.toMatchObject({
      code: 'OVERLOADED',
      retryAfterMs: expect.any(Number),
    });
    expect(readdirSync(path)).toHaveLength(servingLimits.exportsMax);
    nowMs += 200_000;
    expect(await exports.create(spec, ann)).toMatchObject({ state: 'READY' });
  });

  test('an export that has expired gives its place to a new one, the first to expire before others', async () => {
    const path = directory();
    let nowMs = 1_000_000;
    const exports = openExports(path, () => nowMs);
    const ids: string[] = [];
    for (let i = 0; i < servingLimits.exportsMax; i++) {
      ids.push((await exports.create(spec, ann)).id);
      nowMs += 1_000;
    }
    const [read = '', second = '', third = ''] = ids;
    exports.begin(read);
    nowMs = 1_000_000 + 60_000 - 1;
    await expect(exports.create(spec, ann)).rejects.toMatchObject({ code: 'OVERLOADED' });
    nowMs = 1_000_000 + 62_000;
    expect(await exports.create(spec, ann)).toMatchObject({ state: 'READY' });
    expect(await exports.get(read, ann)).toMatchObject({ state: 'EXPIRED' });
    expect(await exports.get(second, ann)).toBeNull();
    expect(await exports.get(third, ann)).toMatchObject({ state: 'EXPIRED' });
    expect(await exports.create(spec, ann)).toMatchObject({ state: 'READY' });
    // The rest are links that work, and one that is being read.
    await expect(exports.create(spec, ann)).rejects.toMatchObject({ code: 'OVERLOADED' });
    expect(readdirSync(path)).toHaveLength(servingLimits.exportsMax);
  });

  test('no more than a bounded number of exports stream at a time', async () => {
    const exports = openExports(directory(), () => 1_000_000);
    const { id } = await exports.create(spec, ann);
    for (let i = 0; i < servingLimits.exportStreamsMax; i++) exports.begin(id);
    expect(refusalOf(() => exports.begin(id))).toBe('OVERLOADED');
    exports.end(id, { kind: 'left' });
    expect(refusalOf(() => exports.begin(id))).toBe('taken');
  });
});
