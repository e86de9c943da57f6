import { expect, test } from 'vitest';
import { runCli, SandboxProcess, temporaryDirectory } from './cli-process.ts';

test('an operator revokes a subject, sees whom he revoked, and lets it in again', async () => {
  const data = temporaryDirectory();
  const server = await SandboxProcess.start(data);
  const token = (...args: readonly string[]) => runCli(['token', ...args, '--data-dir', data]);
  const given = await server.token('liveops');
  const ask = () => server.graphql(given, '{ __typename }');
  expect(await ask()).toEqual({ __typename: 'Query' });

  expect((await token('denied')).out).toBe('nobody is denied\n');
  const revoked = await token('revoke', '--subject', 'sandbox-liveops', '--for', '2h');
  expect(revoked.err).toBe('');
  expect(revoked.out).toMatch(/^subject sandbox-liveops {2}denied since .*Z, until .*Z\n$/);
  await expect(ask()).rejects.toThrow(/UNAUTHENTICATED/);
  expect((await token('revoke', '--jti', 'token-7', '--json')).code).toBe(0);
  const { denied } = JSON.parse((await token('denied', '--json')).out) as { denied: object[] };
  expect(denied).toMatchObject([{ subject: 'sandbox-liveops' }, { jti: 'token-7', until: null }]);

  expect((await token('allow', '--subject', 'sandbox-liveops')).out).toMatch(/let in again/);
  expect(await ask()).toEqual({ __typename: 'Query' });
  const wrong = await token('allow', '--subject', 'sandbox-liveops');
  expect([wrong.code, wrong.err]).toEqual([1, expect.stringContaining('NOT_FOUND')]);
  for (const args of [
    ['revoke'],
    ['revoke', '--subject', 'a', '--jti', 'b'],
    ['revoke', '--subject', 'a', '--for', 'long'],
    ['revoke', '--subject', 'a', '--until', 'soon'],
    ['revoke', '--subject', 'a', '--for', '1h', '--until', '2099-01-01'],
  ]) {
    expect([args, (await token(...args)).code]).toEqual([args, 2]);
  }
  // The verb that prints a token goes on as before.
  const printed = await runCli(['token', '--role', 'liveops', '--url', server.url, '--json']);
  expect(JSON.parse(printed.out)).toMatchObject({ token: expect.any(String) });
  server.signal('SIGTERM');
  await server.exit;
}, 60_000);

test('a flag that holds a password ends the start with where it belongs', async () => {
  const password = 'hunter2-planted';
  const columns = `http://tickloom:${password}@127.0.0.1:1`;
  const started = await runCli(['start', '--columns', columns]);
  expect(started.code).toBe(2);
  expect(started.err).toContain('TICKLOOM_COLUMNS_FILE');
  expect(started.err).not.toContain(password);
});
