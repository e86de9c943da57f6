import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { actionTable, count, defineTitle, eventTable, t } from '../../engine/manifest/index.ts';
import {
  manifestHash,
  parseManifest,
  serializeManifest,
} from '../../engine/manifest/manifest-json.ts';
import type { TitleManifest } from '../../engine/model/types.ts';
import { ashfall } from '../../src/sandbox/ashfall.ts';
import { runs } from '../budget.ts';
import { problemsOf } from './problems-of.ts';

test('a manifest that went out as JSON comes in equal', () => {
  expect(parseManifest(serializeManifest(ashfall))).toEqual(ashfall);
});

test('the JSON is canonical: whatever the order of members was, the bytes are the same', () => {
  const canonical = serializeManifest(ashfall);
  fc.assert(
    fc.property(fc.infiniteStream(fc.nat()), (random) => {
      const shuffled = shuffleMembers(JSON.parse(canonical), () => random.next().value ?? 0);
      expect(serializeManifest(shuffled as TitleManifest)).toBe(canonical);
    }),
    { numRuns: runs(20) },
  );
});

test('the hash is SHA-256 of the canonical JSON', () => {
  const expected = createHash('sha256').update(serializeManifest(ashfall)).digest('hex');
  expect(manifestHash(ashfall)).toBe(expected);
  expect(manifestHash(ashfall)).toMatch(/^[0-9a-f]{64}$/);
});

test('the hash tells manifests apart by version, by order of enum values and by rights', () => {
  const [first, ...rest] = ashfall.roles;
  if (!first) throw new Error('ashfall has roles');
  const hashes = [
    ashfall,
    { ...ashfall, version: ashfall.version + 1 },
    { ...ashfall, tables: [...ashfall.tables].reverse() },
    { ...ashfall, roles: [{ ...first, views: ['matchPulse'] }, ...rest] },
  ].map(manifestHash);
  expect(new Set(hashes).size).toBe(hashes.length);
});

test('values of conditions that JSON cannot hold are stored as the filter language reads them', () => {
  const title = defineTitle({
    title: 'sample',
    version: 1,
    tables: {
      orders: actionTable({ player: t.u64() }),
      happening: eventTable({ amount: t.u64(), at: t.timestamp() }),
    },
    views: {
      big: {
        kind: 'group',
        from: 'happening',
        groupBy: ['sessionId'],
        columns: { n: count({ where: { amount: { gt: 2n ** 60n } } }) },
      },
    },
  });
  const again = parseManifest(serializeManifest(title));
  expect(again).toEqual(title);
  expect(again.views[0]).toMatchObject({
    columns: [{ aggregate: { where: { amount: { gt: '1152921504606846976' } } } }],
  });
});

test('text that is no JSON is refused', () => {
  expect(problemsOf(() => parseManifest('{'))).toEqual(['manifest: is not JSON']);
});

test('JSON of a newer format is refused with what to do', () => {
  const newer = JSON.stringify({ ...ashfall, format: 7 });
  expect(() => parseManifest(newer)).toThrow(
    'format: is 7, of a newer version of Tickloom; this one reads format 1: upgrade it',
  );
});

function shuffleMembers(value: unknown, random: () => number): unknown {
  if (Array.isArray(value)) return value.map((entry) => shuffleMembers(entry, random));
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).map(
    ([name, member]) => [random(), name, shuffleMembers(member, random)] as const,
  );
  members.sort(([a], [b]) => a - b);
  return Object.fromEntries(members.map(([, name, member]) => [name, member]));
}

test('that what a role reads is audited stands in the JSON; that it is not leaves the manifest as it was', () => {
  const title = (auditReads?: boolean) =>
    defineTitle({
      title: 'sample',
      version: 1,
      tables: { orders: actionTable({ player: t.u64() }) },
      roles: { support: { class: 'OPERATOR', auditReads } },
    });
  const [watched] = parseManifest(serializeManifest(title(true))).roles;
  expect(watched).toMatchObject({ name: 'support', auditReads: true });
  expect(manifestHash(title(false))).toBe(manifestHash(title()));
  expect(serializeManifest(title())).not.toContain('auditReads');
});
