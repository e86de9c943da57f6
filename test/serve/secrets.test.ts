import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { pino } from 'pino';
import { describe, expect, onTestFinished, test } from 'vitest';
import { loadSettings, SettingError, type SettingSources } from '../../src/config/load-settings.ts';
import { fileSettingName, settingNames } from '../../src/config/settings.ts';
import { RealProvider } from './real-provider.ts';
import { codeOf } from './sandbox.ts';
import { askAs, serveTitle } from './served.ts';

const planted = 'hunter2-planted';
const columnsUrl = `http://tickloom:${planted}@127.0.0.1:1`;

function load(sources: Partial<SettingSources>) {
  return loadSettings({ flags: {}, environment: {}, configFile: null, ...sources }).settings;
}

function fileWith(content: string): string {
  const directory = mkdtempSync(join(tmpdir(), 'tickloom-secrets-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const path = join(directory, 'secret');
  writeFileSync(path, content);
  return path;
}

describe('a secret setting', () => {
  test('may stand in a file that flag, variable or config file name', () => {
    const secretFile = fileWith(`${planted}\n`);
    const client = { TICKLOOM_OIDC_ISSUER: 'https://id.example', TICKLOOM_OIDC_CLIENT_ID: 'us' };
    const configFile = fileWith(JSON.stringify({ oidcClientSecretFile: secretFile }));
    const roads: Partial<SettingSources>[] = [
      { flags: { oidcClientSecretFile: secretFile }, environment: client },
      { environment: { ...client, TICKLOOM_OIDC_CLIENT_SECRET_FILE: secretFile } },
      { environment: client, configFile },
      { environment: { ...client, TICKLOOM_OIDC_CLIENT_SECRET: planted } },
    ];
    for (const sources of roads) expect(load(sources).oidcClientSecret).toBe(planted);
    const columns = load({ environment: { TICKLOOM_COLUMNS_FILE: fileWith(columnsUrl) } }).columns;
    expect(columns).toEqual({ url: columnsUrl });
    const named = settingNames.map(fileSettingName).filter((name) => name !== null);
    expect(named).toEqual([
      'columnsFile',
      'oidcClientSecretFile',
      'consoleClientSecretFile',
      'anomalyWebhookFile',
      'anomalyWebhookSecretFile',
      'otlpFile',
    ]);
  });

  test('is one of a value and a file, and the road before wins as a whole', () => {
    const file = fileWith('http://file:8123');
    const both = { TICKLOOM_COLUMNS: 'embedded', TICKLOOM_COLUMNS_FILE: file };
    expect(() => load({ environment: both })).toThrow(
      'TICKLOOM_COLUMNS and TICKLOOM_COLUMNS_FILE are both set; one of them holds',
    );
    const environment = { TICKLOOM_COLUMNS_FILE: file };
    expect(load({ environment }).columns).toEqual({ url: 'http://file:8123' });
    expect(load({ environment, flags: { columns: 'embedded' } }).columns).toBe('embedded');
  });

  test.each([
    [
      'is not there',
      join(tmpdir(), 'no-such-file'),
      /TICKLOOM_COLUMNS_FILE must be a file.*ENOENT/,
    ],
    ['is a folder', tmpdir(), /EISDIR/],
    ['is empty', '', /is empty/],
    ['is no secret at all', 'x'.repeat(70_000), /is too large/],
  ])('in a file that %s is refused with the file', (what, content, message) => {
    const path = what.startsWith('is not') || what.includes('folder') ? content : fileWith(content);
    const refused = () => load({ environment: { TICKLOOM_COLUMNS_FILE: path } });
    expect(refused).toThrow(SettingError);
    expect(refused).toThrow(message);
  });

  test('that does not fit is not repeated, wherever it stands', () => {
    const environment = { TICKLOOM_COLUMNS_FILE: fileWith(`htp://user:${planted}@host`) };
    expect(() => load({ environment })).toThrow(/^TICKLOOM_COLUMNS_FILE must be "embedded"/);
    expect(() => load({ environment })).not.toThrow(planted);
  });

  test.each([
    ['columns', columnsUrl, /TICKLOOM_COLUMNS_FILE \(--columns-file\)/],
    ['oidcClientSecret', planted, /TICKLOOM_OIDC_CLIENT_SECRET_FILE/],
    ['publicUrl', `https://me:${planted}@example.com`, /TICKLOOM_PUBLIC_URL/],
    ['oidcIssuer', `https://me:${planted}@example.com`, /TICKLOOM_OIDC_ISSUER/],
  ])('is refused as the flag of %s, with where it belongs', (name, value, advice) => {
    const refused = () => load({ flags: { [name]: value } });
    expect(refused).toThrow(SettingError);
    expect(refused).toThrow(/holds a password, which everybody on this machine can read/);
    expect(refused).toThrow(advice);
    expect(refused).not.toThrow(planted);
  });

  test('a flag without a password is taken', () => {
    expect(load({ flags: { columns: 'http://127.0.0.1:8123' } }).columns).toEqual({
      url: 'http://127.0.0.1:8123',
    });
  });
});

test('neither secrets nor tokens come out in logs, answers or metrics', async () => {
  const provider = await RealProvider.start({ format: 'opaque' });
  let log = '';
  const sink = new Writable({
    write(chunk, _encoding, done) {
      log += String(chunk);
      done();
    },
  });
  const logger = pino(
    { level: 'trace', serializers: { error: pino.stdSerializers.errWithCause } },
    sink,
  );
  const server = await serveTitle(
    { oidcIssuer: provider.url, oidcClientId: 'tickloom' },
    { environment: { TICKLOOM_OIDC_CLIENT_SECRET: planted }, logger },
  );
  const tokens = [await provider.token(), `opaque-${planted}`, `a.${planted}.c`];
  const answers: unknown[] = [];
  // The provider does not know this client: it refuses to say what tokens are.
  for (const token of tokens) answers.push(await askAs(server, token));
  expect(codeOf(answers[0] as never)).toBe('UNAVAILABLE');
  const said = [
    log,
    JSON.stringify(answers),
    await (await fetch(server.metricsUrl)).text(),
    await (await fetch(`${server.url}/readyz`)).text(),
  ].join('\n');
  expect(log).toContain('a request was refused');
  for (const secret of [planted, btoa(`tickloom:${planted}`), ...tokens]) {
    expect(said).not.toContain(secret);
  }
}, 60_000);
