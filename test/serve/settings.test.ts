import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { loadSettings, SettingError, type SettingSources } from '../../src/config/load-settings.ts';
import { environmentName, flagName, settingNames } from '../../src/config/settings.ts';

function load(sources: Partial<SettingSources>) {
  return loadSettings({ flags: {}, environment: {}, configFile: null, ...sources });
}

function configFile(content: string): string {
  const directory = mkdtempSync(join(tmpdir(), 'tickloom-settings-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const path = join(directory, 'config.json');
  writeFileSync(path, content);
  return path;
}

describe('settings', () => {
  test('the defaults are those of the contract', () => {
    const { settings, warnings } = load({});
    expect(settings).toMatchObject({
      host: '127.0.0.1',
      port: 4800,
      dataDir: '.tickloom',
      durability: { mode: 'strict' },
      log: 'file',
      columns: 'embedded',
      fanout: 'memory',
      oidcIssuer: null,
      oidcAudience: 'tickloom',
      canary: false,
    });
    expect(warnings).toEqual([]);
  });

  test('names of flags and variables derive from the name of the setting', () => {
    expect(flagName('dataDir')).toBe('--data-dir');
    expect(environmentName('dataDir')).toBe('TICKLOOM_DATA_DIR');
    expect(new Set(settingNames.map(environmentName)).size).toBe(settingNames.length);
  });

  test('a flag wins over the environment, that over the file, that over the default', () => {
    const file = configFile('{ "port": 1, "host": "file", "dataDir": "file" }');
    const { settings } = load({
      flags: { port: '3' },
      environment: { TICKLOOM_PORT: '2', TICKLOOM_HOST: 'environment' },
      configFile: file,
    });
    expect(settings).toMatchObject({ port: 3, host: 'environment', dataDir: 'file' });
  });

  test.each([
    ['64GB', 64 * 2 ** 30],
    ['1.5GB', null],
    ['512 MiB', 512 * 2 ** 20],
    ['2tb', 2 * 2 ** 40],
    ['1048576', 2 ** 20],
    ['1048575', null],
    ['64 parsecs', null],
  ])('the size %s is read, or refused with what fits', (text, expected) => {
    for (const name of ['rowMemory', 'logRetain'] as const) {
      const read = () => load({ flags: { [name]: text } }).settings[name];
      if (expected === null) expect(read).toThrow(/a size from 1MB to 1024TB, such as 64GB/);
      else expect(read()).toBe(expected);
    }
  });

  test.each([
    ['400d', { kind: 'days', days: 400 }],
    ['1d', { kind: 'days', days: 1 }],
    ['64GB', { kind: 'bytes', bytes: 64 * 2 ** 30 }],
    ['all', { kind: 'all' }],
    ['0d', null],
    ['36501d', null],
    ['1 year', null],
  ])(
    'how long audit records are kept, %s, is read, or refused past auditRetainDaysMax',
    (text, expected) => {
      const read = () => load({ flags: { auditRetain: text } }).settings.auditRetain;
      if (expected === null) expect(read).toThrow(/"all", (days such as 400d|1d to 36500d)/);
      else expect(read()).toEqual(expected);
    },
  );

  test('a webhook needs a secret, which is long enough and in no flag', () => {
    const set = (environment: Record<string, string>, flags: Record<string, string> = {}) =>
      loadSettings({ flags, environment, configFile: null }).settings;
    const url = { TICKLOOM_ANOMALY_WEBHOOK: 'https://ops.example.com/hook' };
    const secret = 'sixteen characters and more';
    expect(set({ ...url, TICKLOOM_ANOMALY_WEBHOOK_SECRET: secret })).toMatchObject({
      anomalyWebhook: 'https://ops.example.com/hook',
      anomalyWebhookSecret: secret,
    });
    expect(() => set(url)).toThrow('anomalyWebhookSecret');
    expect(() => set({ ...url, TICKLOOM_ANOMALY_WEBHOOK_SECRET: 'short' })).toThrow(
      '16 characters',
    );
    expect(() => set(url, { anomalyWebhookSecret: secret })).toThrow('holds a password');
    expect(() => set({ TICKLOOM_ANOMALY_WEBHOOK: 'file:///etc/passwd' })).toThrow('http://');
    expect(() => set({ TICKLOOM_ANOMALIES: '/no/such/file' })).toThrow('shipped, off, or');
  });

  test('audit records are kept for 400 days unless somebody says otherwise', () => {
    expect(load({}).settings.auditRetain).toEqual({ kind: 'days', days: 400 });
  });

  test('all of the log is kept unless somebody sets it, and rows have 4 GB', () => {
    expect(load({}).settings).toMatchObject({ logRetain: null, rowMemory: 4 * 2 ** 30 });
    expect(load({ environment: { TICKLOOM_LOG_RETAIN: 'all' } }).settings.logRetain).toBeNull();
  });

  test.each([
    ['interval:5', { mode: 'interval', syncEveryMs: 5 }],
    ['none', { mode: 'none' }],
    ['strict', { mode: 'strict' }],
  ])('the durability %s is read', (text, expected) => {
    expect(load({ flags: { durability: text } }).settings.durability).toEqual(expected);
  });

  test.each([
    [{ TICKLOOM_PORT: 'abc' }, /^TICKLOOM_PORT is "abc"; it must be a port/],
    [{ TICKLOOM_PORT: '70000' }, /port from 0/],
    [{ TICKLOOM_PORT: '' }, /port from 0/],
    [{ TICKLOOM_DURABILITY: 'interval:0' }, /"interval:<ms>" with 1 to 60000 ms/],
    [{ TICKLOOM_DURABILITY: 'safe' }, /"strict"/],
    [{ TICKLOOM_CANARY: 'maybe' }, /"on" or "off"/],
    [{ TICKLOOM_OIDC_ISSUER: 'accounts.example.com' }, /a URL that begins http/],
    [{ TICKLOOM_LOG: 'nats://a:4222,b:4222' }, /"file": this version runs on one node/],
    [{ TICKLOOM_FANOUT: 'redis://a' }, /"memory": this version runs on one node/],
    [{ TICKLOOM_LOG: 'paper' }, /TICKLOOM_LOG is "paper"; it must be "file"$/],
    [{ TICKLOOM_CORS_ORIGINS: 'https://a.example/path' }, /origins such as/],
    [{ TICKLOOM_LOG_LEVEL: 'loud' }, /one of fatal, error/],
  ])('%o is refused with the variable, its value and the mend', (environment, message) => {
    expect(() => load({ environment })).toThrow(SettingError);
    expect(() => load({ environment })).toThrow(message);
  });

  test('a value that may hold a password is never repeated', () => {
    const environment = { TICKLOOM_COLUMNS: 'htp://user:hunter2@host' };
    expect(() => load({ environment })).toThrow(/^TICKLOOM_COLUMNS must be "embedded", or http/);
    expect(() => load({ environment })).not.toThrow(/hunter2/);
  });

  test('a variable that is no setting is warned about, one of the CLI is not', () => {
    const { warnings } = load({
      environment: { TICKLOOM_DURABILTY: 'none', TICKLOOM_TOKEN: 'x', PATH: '/bin' },
    });
    expect(warnings).toEqual([expect.stringContaining('TICKLOOM_DURABILTY is not a setting')]);
  });

  test.each([
    ['{ "prot": 1 }', /has "prot", which is no setting/],
    ['[1]', /must hold one JSON object/],
    ['{ "port": [1] }', /must be a text, a number or true or false/],
    ['{', /cannot be read as JSON/],
  ])('a config file with %s is refused', (content, message) => {
    const path = configFile(content);
    expect(() => load({ configFile: path })).toThrow(message);
  });

  test('an issuer keeps its last slash, for it is part of its name', () => {
    const { settings } = load({ flags: { oidcIssuer: 'https://id.example.com/' } });
    expect(settings.oidcIssuer).toBe('https://id.example.com/');
  });
});
