import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { validateManifest } from '../../engine/manifest/validate.ts';

it("takes the README's title as it stands there", async () => {
  const page = await readFile(new URL('../../README.md', import.meta.url), 'utf8');
  const code = /```ts\n(import \{[^`]*?from 'tickloom';[\s\S]*?)```/.exec(page)?.[1] ?? '';
  const builder = new URL('../../dist/engine/manifest/index.js', import.meta.url).href;
  const module = code.replace("'tickloom'", JSON.stringify(builder));
  const url = `data:text/javascript,${encodeURIComponent(module)}`;
  const { default: title } = (await import(/* @vite-ignore */ url)) as { default: unknown };
  const manifest = validateManifest(title);
  expect(manifest.tables.map((table) => table.name)).toEqual(['orders', 'units', 'ledger']);
  expect(manifest.roles.map((role) => role.name)).toEqual(['game-server', 'liveops']);
});
