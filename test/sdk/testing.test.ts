import { readdirSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startSandbox } from '@tickloom/sdk/testing';
import { describe, expect, it, onTestFinished } from 'vitest';
import { serializeManifest } from '../../engine/manifest/manifest-json.ts';
import { describedTitle } from '../manifest/described-title.ts';

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tickloom-testing-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  return folder;
}

function sandboxFolders(): string[] {
  return readdirSync(tmpdir()).filter((name) => name.startsWith('tickloom-sandbox-'));
}

describe('a sandbox for tests', () => {
  it('serves a title of one’s own, gives tokens of its roles, and leaves nothing behind', async () => {
    const manifest = join(await temporaryFolder(), 'title.json');
    await writeFile(manifest, serializeManifest(describedTitle));
    const before = sandboxFolders();
    const sandbox = await startSandbox({ manifest });
    onTestFinished(() => sandbox.stop());
    expect(sandbox.title).toBe('described');
    const token = await sandbox.token('liveops')();
    const answer = await fetch(`${sandbox.url}/described/graphql`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ query: '{ mix { rows { orders } } }' }),
    });
    expect(await answer.json()).toMatchObject({ data: { mix: { rows: [] } } });
    await expect(sandbox.token('nobody')()).rejects.toThrow(/no token of the role "nobody"/);
    await sandbox.stop();
    await expect(fetch(`${sandbox.url}/healthz`)).rejects.toThrow();
    expect(sandboxFolders().filter((name) => !before.includes(name))).toEqual([]);
    await sandbox.stop();
  });

  it('that does not start says what the server said, and leaves nothing behind', async () => {
    const manifest = join(await temporaryFolder(), 'title.ts');
    await writeFile(manifest, 'export default {\n  title: 7,\n  oops\n  };;)');
    await expect(startSandbox({ manifest })).rejects.toThrow(/title\.ts:4:6 Unexpected token/);
    const elsewhere = await temporaryFolder();
    await expect(startSandbox({ directory: elsewhere })).rejects.toThrow(/has no package tickloom/);
  });
});
