import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { serializeManifest } from '../../engine/index.ts';
import { fileSettingName, settingNames } from '../../src/config/settings.ts';
import { ashfall } from '../../src/sandbox/ashfall.ts';
import { processTree } from '../columns/child-hosts.ts';
import { runCli, temporaryDirectory } from '../end-to-end/cli-process.ts';

const program = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));

/** A distinct one for each setting that holds a secret, and for what clients send. */
const planted = {
  columns: 'planted-columns-k3Qw',
  oidcClientSecret: 'planted-client-8Zt5',
  otlp: 'planted-otlp-w2Nd',
  anomalyWebhook: 'planted-webhook-u5Hx',
  anomalyWebhookSecret: 'planted-webhook-secret-j9Pe',
  consoleClientSecret: 'planted-console-b4Sg',
  token: 'planted-token-v0Lm',
  signature: 'planted-signature-r7Yc',
} as const;

/** As whoever encodes, compresses into a header or prints it would write it. */
const formsOf = (secret: string) => [
  secret,
  Buffer.from(secret).toString('base64').replace(/=+$/, ''),
  Buffer.from(secret).toString('hex'),
  encodeURIComponent(secret),
];

class Served {
  readonly #child: ChildProcess;
  said = '';

  constructor(environment: Readonly<Record<string, string>>) {
    const own = Object.entries(process.env).filter(([name]) => !name.startsWith('TICKLOOM_'));
    this.#child = spawn(process.execPath, [program, 'serve'], {
      env: { ...Object.fromEntries(own), ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text) => {
        this.said += text;
      });
    }
    onTestFinished(() => {
      if (this.#child.exitCode === null) this.#child.kill('SIGKILL');
    });
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  /** The first part of what it says that fits. */
  async says(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = pattern.exec(this.said);
      if (found !== null) return found;
      if (this.#child.exitCode !== null) throw new Error(`it ended: ${this.said}`);
      const more = once(this.#child.stderr as NodeJS.ReadableStream, 'data');
      await Promise.race([more, once(this.#child, 'close')]);
    }
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    const closed = once(this.#child, 'close');
    this.#child.kill(signal);
    await closed;
  }
}

/** Everything in a directory, with where it lies. */
function filesIn(directory: string): [path: string, content: Buffer][] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => [path, readFileSync(path)]);
}

function expectNothingPlanted(place: string, content: string | Buffer): void {
  for (const [name, secret] of Object.entries(planted)) {
    for (const form of formsOf(secret)) {
      expect(content.includes(form), `${name} in ${place}`).toBe(false);
    }
  }
}

function settingsOf(data: string, manifest: string): Record<string, string> {
  writeFileSync(manifest, serializeManifest(ashfall));
  return {
    TICKLOOM_PORT: '0',
    TICKLOOM_DATA_DIR: data,
    TICKLOOM_MANIFEST: manifest,
    TICKLOOM_LOG_LEVEL: 'trace',
    TICKLOOM_OIDC_ISSUER: 'http://127.0.0.1:1',
    TICKLOOM_OIDC_CLIENT_ID: 'us',
    TICKLOOM_ANOMALY_WEBHOOK: `http://tickloom:${planted.anomalyWebhook}@127.0.0.1:9`,
    TICKLOOM_ANOMALY_WEBHOOK_SECRET: planted.anomalyWebhookSecret,
    TICKLOOM_CONSOLE_CLIENT_ID: 'console',
    TICKLOOM_CONSOLE_CLIENT_SECRET: planted.consoleClientSecret,
    TICKLOOM_OTLP: `http://tickloom:${planted.otlp}@127.0.0.1:9`,
  };
}

/** What clients do wrong, with what should not be repeated in it. */
async function misbehave(url: string): Promise<string> {
  const { token, signature } = planted;
  const authorization = `Bearer ${token}`;
  const jwt = `Bearer ${Buffer.from('{"alg":"none"}').toString('base64url')}.${token}.x`;
  const asks: [string, RequestInit][] = [
    ['/ashfall/graphql?query={__typename}', { headers: { authorization } }],
    ['/ashfall/graphql?query={__typename}', { headers: { authorization: jwt } }],
    ['/ashfall/graphql', { method: 'POST', headers: { authorization }, body: '{' }],
    ['/ashfall/sessions/s/ticks/1', { method: 'POST', headers: { authorization }, body: 'x' }],
    [`/ashfall/exports/x?expires=99999999999&signature=${signature}`, {}],
    [`/nowhere?signature=${signature}`, { headers: { authorization } }],
    ['/metrics', {}],
    ['/readyz', {}],
    ['/healthz', {}],
  ];
  let said = '';
  for (const [path, init] of asks) {
    const response = await fetch(`${url}${path}`, init);
    said += `${JSON.stringify([...response.headers])}\n${await response.text()}\n`;
  }
  return said;
}

describe('secrets that were given to the server', () => {
  test('each setting that holds one is planted here', () => {
    const secret = settingNames.filter((name) => fileSettingName(name) !== null);
    expect(secret.filter((name) => !(name in planted))).toEqual([]);
  });

  test.each(['as the variable itself', 'in a file'])(
    'come out nowhere, whatever goes wrong: %s',
    async (how) => {
      const directory = temporaryDirectory();
      const data = join(directory, 'data');
      const environment = settingsOf(data, join(directory, 'title.json'));
      const file = join(directory, 'client-secret');
      writeFileSync(file, `${planted.oidcClientSecret}\n`);
      const served = new Served({
        ...environment,
        ...(how === 'in a file'
          ? { TICKLOOM_OIDC_CLIENT_SECRET_FILE: file }
          : { TICKLOOM_OIDC_CLIENT_SECRET: planted.oidcClientSecret }),
      });
      const [, url = ''] = await served.says(/"url":"([^"]+)".*"msg":"serving"/);
      const answers = await misbehave(url);
      const [own, ...children] = processTree(served.pid);
      const seen = children.flatMap((pid) => [
        readFileSync(`/proc/${pid}/environ`, 'utf8'),
        readFileSync(`/proc/${pid}/cmdline`, 'utf8'),
      ]);
      expect(children.length).toBeGreaterThan(0);
      seen.push(readFileSync(`/proc/${own}/cmdline`, 'utf8'));
      // The process of ClickHouse ends as a crash would end it, and then the server does.
      const crashed = children.at(-1) as number;
      process.kill(crashed, 'SIGSEGV');
      await served.says(/column store.*(?:ended|stopped|killed|restart|SIGSEGV)|SIGSEGV/i);
      await served.end('SIGTERM');
      expectNothingPlanted('answers', answers);
      expectNothingPlanted('what it said', served.said);
      for (const text of seen) expectNothingPlanted('processes', text);
      for (const [path, content] of filesIn(data)) expectNothingPlanted(path, content);
      // Nor do the keys that the server made for itself lie anywhere but in their files.
      for (const key of ['exports/link-secret', 'mask-key']) {
        const kept = join(data, 'titles', 'ashfall', key);
        const bytes = readFileSync(kept);
        const found = filesIn(data).filter(
          ([path, content]) => path !== kept && content.includes(bytes),
        );
        expect(found.map(([path]) => path)).toEqual([]);
        for (const form of [bytes.toString('base64url'), bytes.toString('hex')]) {
          expect(`${served.said}${answers}`).not.toContain(form);
        }
      }
    },
    60_000,
  );

  test('such as the password of a ClickHouse that cannot be reached come out nowhere', async () => {
    const directory = temporaryDirectory();
    const data = join(directory, 'data');
    const served = new Served({
      ...settingsOf(data, join(directory, 'title.json')),
      TICKLOOM_OIDC_CLIENT_SECRET: planted.oidcClientSecret,
      TICKLOOM_COLUMNS: `http://tickloom:${planted.columns}@127.0.0.1:1`,
    });
    await served.says(/ECONNREFUSED|not reachable|column store/i);
    await served.end('SIGTERM');
    expectNothingPlanted('what it said', served.said);
    for (const [path, content] of filesIn(data)) expectNothingPlanted(path, content);
  }, 60_000);

  test.each(['--columns', '--oidc-client-secret'])(
    'are refused as %s, and not repeated',
    async (flag) => {
      const value =
        flag === '--columns' ? `http://u:${planted.columns}@h:8123` : planted.oidcClientSecret;
      const ran = await runCli(['serve', flag, value]);
      expect(ran.code).toBe(2);
      expect(ran.err).toMatch(/holds a password.*_FILE/);
      expectNothingPlanted('the refusal', ran.err + ran.out);
    },
  );
});
