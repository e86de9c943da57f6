import type { TitleManifest } from './types.ts';
export function validateManifest(value: unknown): TitleManifest {
  return value as TitleManifest;
}
