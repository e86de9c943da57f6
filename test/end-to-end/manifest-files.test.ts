import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { runCli, SandboxProcess, temporaryDirectory } from './cli-process.ts';

/** Types, a type import, an enum and a file beside it: what the language has and Node 20 does not. */
const title = `
import { defineTitle } from 'tickloom';
import type { TitleManifest } from 'tickloom';
import { tables } from './tables.ts';

enum Version { First = 1 }

const manifest: TitleManifest = defineTitle({
  title: 'typed',
  version: Version.First,
  tables,
  roles: { liveops: { class: 'OPERATOR', tables: { orders: ['aggregate'] } } },
});
export default manifest;
`;
const tables = `
import { actionTable, t } from 'tickloom';

export const tables = { orders: actionTable({ playerId: t.u32() }) } as const;
`;

function folderWith(files: Readonly<Record<string, string>>): string {
  const folder = temporaryDirectory();
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

describe('a manifest in TypeScript', () => {
  test('is served and generated from, with the files it imports, where no package is installed', async () => {
    const folder = folderWith({ 'title.ts': title, 'tables.ts': tables });
    const manifest = join(folder, 'title.ts');
    const out = join(folder, 'client.ts');
    const generated = await runCli(['generate', 'sdk', '--manifest', manifest, '--out', out]);
    expect([generated.code, generated.err]).toEqual([0, '']);
    expect(readFileSync(out, 'utf8')).toContain('export class TypedClient');
    const data = join(folder, 'data');
    mkdirSync(data);
    const sandbox = await SandboxProcess.start(data, ['--manifest', manifest]);
    const answer = await fetch(`${sandbox.url}/sandbox/token?title=typed&role=liveops`, {
      method: 'POST',
    });
    expect(answer.status).toBe(200);
    sandbox.signal('SIGTERM');
    expect(await sandbox.exit).toMatchObject({ code: 0 });
  });
});

describe('a manifest that is wrong is refused with its file, line and column', () => {
  const wrong = "export default {\n  title: 'a',\n  version 1,\n};\n";
  test.each<[string, Record<string, string>, RegExp]>([
    ['TypeScript', { 'title.ts': wrong }, /\/title\.ts:3:11 Unexpected token/],
    ['JavaScript', { 'title.js': wrong }, /\/title\.js:3:11 Unexpected token/],
    [
      'a file it imports',
      { 'title.ts': title, 'tables.ts': 'export const tables = {' },
      /\/tables\.ts:1:24 Unexpected token/,
    ],
    [
      'what it throws',
      { 'title.ts': 'const a = 1;\nexport default nothing.at(a);\n' },
      /nothing is not defined \(.*\/title\.ts:2:\d+\)/,
    ],
    [
      'JSON',
      { 'title.json': '{\n  "format": 1,\n  "title" "a"\n}' },
      /title\.json:3:11 is not JSON/,
    ],
    [
      'JSON that ends too early',
      { 'title.json': '{\n  "format": 1' },
      /title\.json:2:14 is not JSON/,
    ],
    ['no default export', { 'title.ts': 'export const title = 1;' }, /no default export; write/],
    ['no manifest', { 'title.ts': 'export default { format: 1 };' }, /manifest\.title: is missing/],
  ])('%s', async (what, files, message) => {
    const [name = ''] = Object.keys(files);
    const manifest = join(folderWith(files), name);
    const generate = ['generate', 'sdk', '--out', '/nowhere/client.ts'];
    const others = [['start'], ['serve', '--oidc-issuer', 'http://127.0.0.1:9']];
    for (const verb of what === 'TypeScript' ? [generate, ...others] : [generate]) {
      const { code, err } = await runCli([...verb, '--manifest', manifest]);
      expect([verb[0], code, err]).toEqual([verb[0], 2, expect.stringMatching(message)]);
    }
  });
});
