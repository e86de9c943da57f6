import { createHash } from 'node:crypto';
import { EngineError } from '../model/errors.ts';
import type { TitleManifest } from '../model/types.ts';
import { plainJson } from './plain-json.ts';
import { validateManifest } from './validate.ts';

/**
 * The manifest as JSON in its one canonical spelling: members sorted by name, no spaces. Equal
 * manifests are equal bytes, whoever wrote them. The order of tables, columns, enum values, views
 * and roles has meaning and stays.
 */
export function serializeManifest(manifest: TitleManifest): string {
  return JSON.stringify(sorted(plainJson(manifest)));
}

/** @throws EngineError `SCHEMA_MISMATCH` for what is no JSON, a newer format, or no valid manifest */
export function parseManifest(json: string): TitleManifest {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    throw new EngineError('SCHEMA_MISMATCH', 'the manifest is not JSON', {
      cause,
      details: { problems: [{ place: 'manifest', message: 'is not JSON' }] },
    });
  }
  return validateManifest(value);
}

/** SHA-256 of the canonical JSON, in hexadecimal: the identity of a manifest. */
export function manifestHash(manifest: TitleManifest): string {
  return createHash('sha256').update(serializeManifest(manifest)).digest('hex');
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).map(([name, member]) => [name, sorted(member)] as const);
  return Object.fromEntries(members.sort(([a], [b]) => (a < b ? -1 : 1)));
}
