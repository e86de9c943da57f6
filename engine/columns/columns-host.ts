import { setTimeout as sleep } from 'node:timers/promises';
import { nodeStorage } from '../disk/node-storage.ts';
import type { StorageLock } from '../disk/storage.ts';
import { EngineError } from '../model/errors.ts';
import { type ClientTarget, ColumnClient } from './client.ts';
import { ColumnPulse, type PulseTimes } from './column-pulse.ts';
import { EmbeddedHost } from './embedded-host.ts';
import type { HandedFile, IsolationDemand } from './host-isolation.ts';
import { type ColumnLogger, silentLogger } from './logger.ts';
import { quoteName } from './queries/sql-text.ts';
import { databaseName } from './schema-sql.ts';
import { dropSeenDatabases } from './seen-databases.ts';

/** Where ClickHouse is; `url`: `http(s)://user:password@host:8123` of a server or cluster. */
export type ColumnsTarget = 'embedded' | { readonly url: string };

export interface ColumnsHostOptions {
  readonly target: ColumnsTarget;
  /** The folder for the embedded ClickHouse's data. */
  readonly directory: string;
  /** The server's data directory around it, whose other parts the embedded ClickHouse cannot read. */
  readonly dataDirectory?: string;
  /** `required`: the embedded ClickHouse is not started where nothing keeps it from the server's files. */
  readonly isolation?: IsolationDemand;
  readonly logger?: ColumnLogger;
  /** When a ClickHouse that does not answer is taken to hang; tests shorten it. */
  readonly pulse?: PulseTimes;
}

/** What the way to an embedded child and its life are to those who use it. */
type Child = Pick<
  EmbeddedHost,
  | 'close'
  | 'handOver'
  | 'isolation'
  | 'killHung'
  | 'lend'
  | 'pid'
  | 'secret'
  | 'socketPath'
  | 'startSeconds'
  | 'whenUp'
  | 'yieldProcessors'
>;

/**
 * The one ClickHouse that all titles of a process share: its child process where it is embedded, the
 * pulse that notices when it hangs, and its processors, which it yields to ticks once every title has
 * caught up. A title has a database in it, and connections of its own, so that none sees or stops
 * what another runs. Whoever opened it closes it, after the last store.
 */
export class ColumnsHost {
  readonly #child: Child | null;
  /** The lock of the embedded ClickHouse's directory; null for a remote ClickHouse. */
  readonly #lock: StorageLock | null;
  readonly #way: ClientTarget;
  readonly #pulse: ColumnPulse;
  readonly #clients = new Set<ColumnClient>();
  /** The clients of titles that take in what they lacked when they were opened. */
  readonly #behind = new Set<ColumnClient>();
  #yields = false;

  /** Resolves when ClickHouse serves, where it is embedded; rejects when its process cannot start. */
  static async open(options: ColumnsHostOptions): Promise<ColumnsHost> {
    const { target, logger = silentLogger } = options;
    if (target !== 'embedded')
      return new ColumnsHost(null, { kind: 'url', url: target.url }, options);
    // Before its process is started: it would end the one that another server has there.
    await nodeStorage.makeDirectory(options.directory);
    const lock = await nodeStorage.lock(options.directory);
    try {
      const { directory, dataDirectory, isolation } = options;
      const child = await EmbeddedHost.start(directory, logger, dataDirectory, isolation);
      const way = { kind: 'socket', socketPath: child.socketPath, secret: child.secret } as const;
      return new ColumnsHost(child, way, options, lock);
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  constructor(
    child: Child | null,
    way: ClientTarget,
    { logger = silentLogger, pulse }: Pick<ColumnsHostOptions, 'logger' | 'pulse'>,
    lock: StorageLock | null = null,
  ) {
    this.#child = child;
    this.#lock = lock;
    this.#way = way;
    this.#pulse = new ColumnPulse({
      client: new ColumnClient(way),
      isUp: () => child === null || child.pid !== null,
      onHung: () => {
        child?.killHung();
        for (const client of this.#clients) client.breakOff();
      },
      logger,
      ...(pulse ? { times: pulse } : {}),
    });
  }

  get isEmbedded(): boolean {
    return this.#child !== null;
  }

  /** The embedded child's process id; null while it is down or for a remote ClickHouse. */
  get childPid(): number | null {
    return this.#child?.pid ?? null;
  }

  /** How long the embedded child took to start; null for a remote ClickHouse. */
  get childStartSeconds(): number | null {
    return this.#child?.startSeconds ?? null;
  }

  /** Why ClickHouse answers nothing now; null while it does. */
  get trouble(): string | null {
    return this.#pulse.trouble;
  }

  /** Asks what operators want to know, for a moment at most. Rejects where there is no answer. */
  ask(sql: string, parameters: Readonly<Record<string, string>>) {
    return this.#pulse.ask(sql, parameters);
  }

  /**
   * Connections of a title's own; `leave` closes them. Until the title tells that it has `caughtUp`,
   * ClickHouse has its share of the processors.
   */
  connect(): ColumnClient {
    const child = this.#child;
    const client = new ColumnClient(this.#way, child ? () => child.whenUp() : undefined);
    client.refuseWhile(() => this.#pulse.trouble);
    this.#clients.add(client);
    this.#behind.add(client);
    return client;
  }

  async leave(client: ColumnClient): Promise<void> {
    this.#clients.delete(client);
    if (this.#clients.size > 0) this.caughtUp(client);
    await client.close();
  }

  /** Drops the database of a title that is open nowhere, with all its rows; nothing where it has none. */
  async dropDatabase(title: string): Promise<void> {
    const client = this.connect();
    try {
      await dropSeenDatabases(client, title);
      await client.command(`DROP DATABASE IF EXISTS ${quoteName(databaseName(title))} SYNC`);
    } finally {
      await this.leave(client);
    }
  }

  /** What keeps the embedded child from the server's files, for people; null for a remote ClickHouse. */
  get isolation(): string | null {
    return this.#child?.isolation.detail ?? null;
  }

  /** Makes files that are written to this folder fit to be handed to the embedded child. */
  async lend(folder: string): Promise<void> {
    await this.#child?.lend(folder);
  }

  /** Lets the embedded child read a file of a folder that was lent. Null where the file must be sent. */
  async handOver(path: string): Promise<HandedFile | null> {
    return this.#child === null ? null : this.#child.handOver(path);
  }

  /** Resolves once ClickHouse serves (again), for whoever holds `client`. */
  async whenUp(client: ColumnClient): Promise<void> {
    if (this.#child !== null) return this.#child.whenUp();
    while (!client.isClosed && !(await client.isAlive().catch(() => false))) await sleep(250);
  }

  /** Does again what an embedded child has not finished because it ended: another one is started. */
  async despiteRestarts<T>(work: () => Promise<T>): Promise<T> {
    for (let restarts = 0; ; restarts++) {
      try {
        return await work();
      } catch (error) {
        const isDown = error instanceof EngineError && error.code === 'UNAVAILABLE';
        if (this.#child === null || !isDown || restarts === restartsMax) throw error;
        // A connection breaks before the end of the child is heard of, and counts as up until then.
        await sleep(exitNoticeMs * 2 ** restarts);
        await this.#child.whenUp();
      }
    }
  }

  /**
   * The title has what it lacked, or has waited long enough for it. Once that holds for all, ClickHouse
   * works when a processor is idle, and goes on so when a title is opened later, which must not hold up
   * the ticks of the others.
   */
  caughtUp(client: ColumnClient): void {
    if (!this.#behind.delete(client) || this.#behind.size > 0 || this.#yields) return;
    this.#yields = true;
    this.#child?.yieldProcessors();
  }

  async close(): Promise<void> {
    await this.#pulse.close();
    await Promise.all([...this.#clients].map((client) => this.leave(client)));
    try {
      await this.#child?.close();
    } finally {
      await this.#lock?.release();
    }
  }
}

const restartsMax = 3;
const exitNoticeMs = 50;
