import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { importJWK, type JWK, SignJWT } from 'jose';
import type { QueryClass, TitleManifest } from '../../engine/model/types.ts';
import { loadSettings } from '../../src/config/load-settings.ts';
import { type RunningServer, startServer } from '../../src/host/server.ts';
import { ashfall } from '../../src/sandbox/ashfall.ts';
import { createLogger } from '../../src/telemetry/logger.ts';

export interface Answer {
  readonly status: number;
  readonly data?: Record<string, unknown> | null;
  readonly errors?: readonly {
    readonly message: string;
    readonly path?: readonly unknown[];
    readonly extensions: {
      readonly code: string;
      readonly category: string;
      readonly requestId: string;
      readonly details: Record<string, unknown>;
    };
  }[];
  readonly extensions?: {
    readonly tickloom: { readonly position?: string; readonly class: QueryClass };
  };
}

/** A whole sandbox on a free port, in this process, with real ClickHouse beside it. */
export class Sandbox {
  readonly #directory: string;
  readonly #flags: Readonly<Record<string, string>>;
  readonly #manifests: readonly TitleManifest[];
  readonly #tokens = new Map<string, string>();
  #server: RunningServer;

  private constructor(
    directory: string,
    flags: Readonly<Record<string, string>>,
    manifests: readonly TitleManifest[],
    server: RunningServer,
  ) {
    this.#directory = directory;
    this.#flags = flags;
    this.#manifests = manifests;
    this.#server = server;
  }

  /** With a title for each manifest; ashfall where none is given. */
  static start(
    flags: Readonly<Record<string, string>> = {},
    ...manifests: readonly TitleManifest[]
  ): Promise<Sandbox> {
    const titles = manifests.length === 0 ? [ashfall] : manifests;
    return Sandbox.startIn(mkdtempSync(join(tmpdir(), 'tickloom-serve-')), flags, titles);
  }

  static async startIn(
    directory: string,
    flags: Readonly<Record<string, string>>,
    manifests: readonly TitleManifest[],
  ): Promise<Sandbox> {
    const server = await run(directory, flags, manifests);
    return new Sandbox(directory, flags, manifests, server);
  }

  /** With a session "match" and two ticks. */
  static async withMatch(): Promise<Sandbox> {
    const sandbox = await Sandbox.start();
    await sandbox.openSession('match');
    await sandbox.commit('match', 1);
    await sandbox.commit('match', 2);
    return sandbox;
  }

  get url(): string {
    return this.#server.url;
  }

  get metricsUrl(): string {
    return this.#server.metricsUrl;
  }

  get directory(): string {
    return this.#directory;
  }

  get titles(): RunningServer['titles'] {
    return this.#server.titles;
  }

  /** Stops it in order and starts it on the same port and data. */
  async restart(): Promise<void> {
    const { port } = new URL(this.url);
    await this.#server.close();
    this.#server = await run(this.#directory, { ...this.#flags, port }, this.#manifests);
  }

  /** Stops it in order and leaves its data. */
  close(): Promise<void> {
    return this.#server.close();
  }

  async stop(): Promise<void> {
    await this.close();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  /** A token of the sandbox; the same one again for the same question. */
  async token(role: string, more: Readonly<Record<string, string>> = {}): Promise<string> {
    const query = String(new URLSearchParams({ title: 'ashfall', role, ...more }));
    const known = this.#tokens.get(query);
    if (known !== undefined) return known;
    const response = await fetch(`${this.url}/sandbox/token?${query}`, { method: 'POST' });
    if (!response.ok) throw new Error(await response.text());
    const token = await response.text();
    this.#tokens.set(query, token);
    return token;
  }

  /** A token of this sandbox that expired a minute ago. */
  async expiredToken(role: string): Promise<string> {
    const file = join(this.#directory, 'sandbox', 'issuer-key.json');
    const key = JSON.parse(readFileSync(file, 'utf8')) as JWK;
    return new SignJWT({ tickloom_role: role, tickloom_title: 'ashfall' })
      .setProtectedHeader({ alg: 'ES256', kid: key.kid ?? '' })
      .setIssuer(`${this.url}/sandbox/oidc`)
      .setAudience('tickloom')
      .setSubject('late')
      .setExpirationTime(Math.floor(Date.now() / 1000) - 60)
      .sign(await importJWK(key, 'ES256'));
  }

  async authorization(role: string): Promise<{ authorization: string }> {
    return { authorization: `Bearer ${await this.token(role)}` };
  }

  async ask(
    role: string,
    query: string,
    variables: Record<string, unknown> = {},
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    return this.post(JSON.stringify({ query, variables }), {
      ...(await this.authorization(role)),
      'content-type': 'application/json',
      ...headers,
    });
  }

  async post(body: string, headers: Record<string, string>): Promise<Answer> {
    return answerOf(await fetch(`${this.url}/ashfall/graphql`, { method: 'POST', body, headers }));
  }

  async openSession(sessionId: string, takeOver = false): Promise<number> {
    const answer = await this.ask(
      'game-server',
      'mutation Open($input: OpenSessionInput!) { openSession(input: $input) { fence } }',
      { input: { sessionId, takeOver } },
    );
    if (!answer.data) throw new Error(JSON.stringify(answer.errors));
    return (answer.data.openSession as { fence: number }).fence;
  }

  /** Commits a tick of a few moves through GraphQL. */
  async commit(sessionId: string, tick: number, moves = 2): Promise<Answer> {
    return this.ask('game-server', commitTick, { input: tickOf(sessionId, tick, moves) });
  }

  /** Where the log ends, as anybody may see it. */
  async position(): Promise<string> {
    const ready = (await (await fetch(`${this.url}/readyz`)).json()) as { position: string };
    return ready.position;
  }

  /** Resolves once the answer of `/metrics` matches. */
  async metrics(): Promise<string> {
    return (await fetch(this.metricsUrl)).text();
  }
}

export const commitTick = `mutation Commit($input: CommitTickInput!) {
  commitTick(input: $input) { position tick duplicate accepted rejected aborted stateHash }
}`;

export function tickOf(sessionId: string, tick: number, moves: number): Record<string, unknown> {
  const actions = Array.from({ length: moves }, (_, i) => ({
    actionId: `${tick}-${i}`,
    playerId: 1 + (i % 2),
    kind: 'MOVE',
    unitIds: [i],
    effects: [{ unitState: { upsert: { key: { unitId: i }, set: { ownerId: 1 + (i % 2) } } } }],
  }));
  return { sessionId, tick, actions };
}

export async function answerOf(response: Response): Promise<Answer> {
  const body = (await response.json()) as Omit<Answer, 'status'>;
  return { status: response.status, ...body };
}

/** The code of the first error, or `OK`. */
export function codeOf(answer: Answer): string {
  return answer.errors?.[0]?.extensions.code ?? 'OK';
}

async function run(
  directory: string,
  flags: Readonly<Record<string, string>>,
  manifests: readonly TitleManifest[],
): Promise<RunningServer> {
  const { settings } = loadSettings({
    flags: { port: '0', dataDir: directory, logLevel: 'fatal', ...flags },
    environment: {},
    configFile: null,
  });
  return startServer({
    settings,
    manifests,
    logger: createLogger(settings.logLevel),
    mode: 'sandbox',
    truncateAt: null,
    acceptLostRows: false,
  });
}
