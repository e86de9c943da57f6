import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { serializeManifest } from '../../engine/index.ts';
import { ashfall } from '../../src/sandbox/ashfall.ts';
import { runCli, SandboxProcess, temporaryDirectory } from './cli-process.ts';

/** A directory of manifests, one a file. */
function manifestsOf(files: Readonly<Record<string, string>>): string {
  const directory = join(temporaryDirectory(), 'manifests');
  mkdirSync(directory);
  for (const [file, title] of Object.entries(files)) {
    writeFileSync(join(directory, file), serializeManifest({ ...ashfall, title }));
  }
  return directory;
}

describe('a directory of manifests', () => {
  test('makes a server of several titles, whose ClickHouse no second server takes away', async () => {
    const manifest = manifestsOf({ 'one.json': 'first', 'two.json': 'second' });
    writeFileSync(join(manifest, 'README.md'), 'no manifest');
    const data = temporaryDirectory();
    const server = await SandboxProcess.start(data, ['--manifest', manifest]);
    for (const title of ['first', 'second']) {
      const token = await runCli([
        'token',
        '--url',
        server.url,
        '--title',
        title,
        '--role',
        'admin',
      ]);
      const answer = await fetch(`${server.url}/${title}/graphql?query={__typename}`, {
        headers: { authorization: `Bearer ${token.out.trim()}` },
      });
      expect(await answer.json()).toMatchObject({ data: { __typename: 'Query' } });
    }
    const host = server.columnHost();
    const other = manifestsOf({ 'three.json': 'third' });
    const flags = ['start', '--json', '--port', '0', '--data-dir', data, '--manifest', other];
    const second = await runCli(flags);
    expect(second.code).toBe(1);
    expect(second.err).toContain(join(data, 'columns'));
    expect(server.columnHost()).toBe(host);
    server.signal('SIGTERM');
    expect(await server.exit).toEqual({ code: 0, signal: null });
  });

  test.each<[string, Readonly<Record<string, string>>, readonly string[], RegExp]>([
    ['that is empty', {}, [], /holds no manifest/],
    ['with a title twice', { 'a.json': 'same', 'b.json': 'same' }, [], /a\.json and .*b\.json/],
    [
      'with a name of the server',
      { 'a.json': 'metrics' },
      [],
      /a\.json.*metrics.*path of the server/s,
    ],
    [
      'of several titles where something is to be given up',
      { 'a.json': 'one', 'b.json': 'two' },
      ['--truncate-at', '7'],
      /mend one title.*--manifest <file>/s,
    ],
  ])('%s is refused as bad usage', async (_what, files, flags, message) => {
    const manifest = manifestsOf(files);
    const data = temporaryDirectory();
    const { code, err } = await runCli([
      'start',
      '--data-dir',
      data,
      '--manifest',
      manifest,
      ...flags,
    ]);
    expect([code, err]).toEqual([2, expect.stringMatching(message)]);
  });
});
