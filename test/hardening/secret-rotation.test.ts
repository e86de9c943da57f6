import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { ExportLinks } from '../../src/exports/export-link.ts';
import { servingLimits } from '../../src/serving-limits.ts';
import { RotatingSecret } from '../../src/storage/rotating-secret.ts';
import { runCli, SandboxProcess, temporaryDirectory } from '../end-to-end/cli-process.ts';

function secretPath(): string {
  const directory = mkdtempSync(join(tmpdir(), 'tickloom-rotating-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return join(directory, 'secret');
}

describe('a secret that is rotated', () => {
  test('signs no more, and holds for its overlap, over restarts', () => {
    const path = secretPath();
    let nowMs = 1_000_000;
    const secret = RotatingSecret.open(path, () => nowMs);
    const links = new ExportLinks('ashfall', secret, () => 'http://host');
    const before = new URL(links.url('id', 9_000_000_000)).searchParams;
    secret.rotate(5_000);
    const after = new URL(links.url('id', 9_000_000_000)).searchParams;
    expect(after.get('signature')).not.toBe(before.get('signature'));
    const again = new ExportLinks(
      'ashfall',
      RotatingSecret.open(path, () => nowMs),
      () => 'http://host',
    );
    for (const checked of [links, again]) {
      checked.check('id', before, nowMs);
      checked.check('id', after, nowMs);
    }
    nowMs += 5_000;
    for (const checked of [links, again]) {
      expect(() => checked.check('id', before, nowMs)).toThrow(/signature/);
      checked.check('id', after, nowMs);
    }
  });

  test('ends at once without an overlap, and all before it', () => {
    const secret = RotatingSecret.open(secretPath());
    secret.rotate(60_000);
    secret.rotate(60_000);
    expect(secret.valid()).toHaveLength(3);
    const { current } = secret;
    secret.rotate(0);
    expect(secret.valid()).toHaveLength(1);
    expect(secret.current).not.toEqual(current);
  });

  test('has so many before it that hold, and not one more (secretsOlderMax)', () => {
    const secret = RotatingSecret.open(secretPath());
    for (let i = 0; i < servingLimits.secretsOlderMax; i++) secret.rotate(60_000);
    const { current } = secret;
    expect(() => secret.rotate(60_000)).toThrow(/hold still/);
    expect(secret.current).toEqual(current);
    secret.rotate(0);
  });

  test('lies in files of its owner alone, and a damaged one is named with the mend', () => {
    const path = secretPath();
    RotatingSecret.open(path).rotate(60_000);
    for (const file of [path, `${path}.older`]) expect(statSync(file).mode & 0o777).toBe(0o600);
    for (const content of ['{"a', '[{}]', '{}']) {
      writeFileSync(`${path}.older`, content);
      expect(() => RotatingSecret.open(path)).toThrow(`${path}.older is damaged`);
    }
  });
});

test('an operator rotates the key of export links: old links work as long as told, and none after a leak', async () => {
  const data = temporaryDirectory();
  const server = await SandboxProcess.start(data);
  const secret = async (...args: readonly string[]) => {
    const ran = await runCli(['secret', ...args, '--data-dir', data]);
    expect([ran.code, ran.err]).toEqual([0, '']);
    return ran.out;
  };
  const analyst = await server.token('analyst');
  const order = async () => {
    const mutation = 'mutation { createExport(input: { table: "actionLog" }) { url } }';
    const { createExport } = (await server.graphql(analyst, mutation)) as {
      readonly createExport: { readonly url: string };
    };
    return createExport.url;
  };
  const statusOf = async (url: string) => {
    const response = await fetch(url);
    await response.arrayBuffer();
    return response.status;
  };
  const first = await order();
  expect(await secret('list')).toBe(
    'ashfall  export-links  no older one holds\nashfall  mask-key  no older one holds\n',
  );
  expect(await secret('rotate', 'export-links')).toMatch(
    /^ashfall {2}export-links {2}the one before holds until .*Z\n$/,
  );
  const second = await order();
  expect([await statusOf(first), await statusOf(second)]).toEqual([200, 200]);
  await secret('rotate', 'export-links', '--overlap', '0', '--title', 'ashfall');
  expect([await statusOf(first), await statusOf(second)]).toEqual([403, 403]);
  const third = await order();

  const maskKey = () => readFileSync(join(data, 'titles/ashfall/mask-key'));
  const before = maskKey();
  await secret('rotate', 'mask-key');
  expect(maskKey()).not.toEqual(before);

  for (const [args, code, message] of [
    [['rotate', 'nothing'], 1, /NOT_FOUND.*export-links, mask-key/],
    [['rotate', 'toString'], 1, /NOT_FOUND/],
    [['rotate', 'export-links', '--title', 'chess'], 1, /NOT_FOUND/],
    [['rotate', 'mask-key', '--overlap', '1h'], 1, /has no overlap/],
    [['rotate', 'export-links', '--overlap', '8d'], 1, /BAD_USER_INPUT/],
    [['rotate', 'export-links', '--overlap', 'long'], 2, /--overlap/],
  ] as const) {
    const ran = await runCli(['secret', ...args, '--data-dir', data]);
    expect([ran.code, ran.err]).toEqual([code, expect.stringMatching(message)]);
  }
  const liveops = await server.token('liveops');
  const log = JSON.stringify(
    await server.graphql(liveops, '{ auditLog(first: 100) { nodes { action subject details } } }'),
  );
  expect(log.match(/secret\.rotate/g)).toHaveLength(3);

  // In the files of a stopped server it is the same, and the next one goes by it.
  server.signal('SIGTERM');
  await server.exit;
  await secret('rotate', 'export-links');
  const next = await SandboxProcess.start(data);
  const moved = new URL(third);
  moved.port = new URL(next.url).port;
  expect(await statusOf(moved.href)).toBe(200);
  next.signal('SIGTERM');
  await next.exit;
}, 120_000);
