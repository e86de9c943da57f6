import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type ColumnsHost, parseKept } from '../../engine/index.ts';
import { EngineError } from '../../engine/model/errors.ts';
import { formatPosition } from '../../engine/model/position.ts';
import type { TitleManifest } from '../../engine/model/types.ts';
import type { AuditRecord } from '../audit/audit-record.ts';
import { operatorRecord, recordInClosed } from '../audit/title-audit.ts';
import type { ExpectedRecord, TitleProof } from '../audit/verify-audit.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Mends } from './open-title.ts';
import { type BookEntry, TitleBook } from './title-book.ts';
import { noMends, type TitleRegistry, type TitleToOpen } from './title-registry.ts';

export interface TitleKeeperParts {
  readonly dataDir: string;
  readonly registry: TitleRegistry;
  /** Where each title has a database. */
  readonly columns: Promise<ColumnsHost>;
  readonly logger: Logger;
  readonly nowMs?: () => number;
}

/** What an operator is told of a title. */
export interface TitleReport {
  readonly title: string;
  readonly standing: BookEntry['standing'];
  readonly since: string;
  /** When the files of a removed title go; null once they are gone, and for every other title. */
  readonly purgeAt: string | null;
  readonly isServed: boolean;
  /** The end of its log; null while it is not served. */
  readonly position: string | null;
  readonly manifestVersion: number | null;
}

export interface Removal {
  readonly report: TitleReport;
  /** What goes when, in words. */
  readonly fate: Readonly<Record<string, string>>;
}

/** How long an operator waits until what was done is recorded; it is done by then. */
const auditWaitMs = 2_000;
/** How often it is looked whether files of removed titles are to go. */
const purgeEveryMs = 60_000;

/**
 * Keeps the titles of a data directory as its operator says: which are served, suspended, removed. What
 * it is told is in the book before it is done, so that a crash in between is made good by the next start.
 */
export class TitleKeeper {
  readonly #parts: TitleKeeperParts;
  readonly #book: TitleBook;
  readonly #nowMs: () => number;
  /** What operators ask is done one at a time. */
  #last: Promise<unknown> = Promise.resolve();
  #purging: NodeJS.Timeout | null = null;

  private constructor(parts: TitleKeeperParts, book: TitleBook) {
    this.#parts = parts;
    this.#book = book;
    this.#nowMs = parts.nowMs ?? Date.now;
  }

  static async open(parts: TitleKeeperParts): Promise<TitleKeeper> {
    return new TitleKeeper(parts, TitleBook.open(parts.dataDir));
  }

  /** Whether the data directory has had any title. */
  get isEmpty(): boolean {
    return this.#book.entries().length === 0;
  }

  /**
   * Opens the titles of the book, each under the manifest that is given for it or, without one, the
   * manifest kept beside its log; and those that are given and not in the book yet. What is suspended
   * or removed stays so. Rejects where one of them cannot be opened. `mends` are for those given.
   */
  async openAll(given: readonly TitleManifest[], mends: Mends): Promise<void> {
    const { registry, logger } = this.#parts;
    const titles: TitleToOpen[] = [];
    for (const manifest of given) {
      const standing = this.#book.get(manifest.title)?.standing ?? 'active';
      if (standing === 'active') titles.push({ manifest, mends });
      else {
        const { title } = manifest;
        const mend = `tickloom title resume ${title}`;
        logger.warn({ title, mend }, `a manifest is given for a title that is ${standing}`);
      }
    }
    const isGiven = new Set(given.map(({ title }) => title));
    for (const { name, standing } of this.#book.entries()) {
      if (standing === 'suspended') registry.suspend(name);
      if (standing !== 'active' || isGiven.has(name)) continue;
      titles.push({ manifest: await this.#keptManifest(name), mends: noMends });
    }
    await registry.openAll(titles);
    for (const { manifest } of titles) {
      if (this.#book.get(manifest.title) === null) await this.#stand(manifest.title, 'active');
    }
    this.#purging = setInterval(() => void this.purgeDue(), purgeEveryMs);
    this.#purging.unref();
    void this.purgeDue();
  }

  list(): readonly TitleReport[] {
    return this.#book.entries().map((entry) => this.#reportOf(entry));
  }

  /**
   * Makes a title and serves it. Throws `BAD_USER_INPUT` where the name is taken, or where files of
   * another time lie there and are not to be adopted.
   */
  create(manifest: TitleManifest, adopt: boolean): Promise<TitleReport> {
    return this.#inTurn(async () => {
      const { registry } = this.#parts;
      const { title } = manifest;
      const entry = this.#book.get(title);
      if (entry !== null && !(entry.standing === 'removed' && entry.purgeAtMs === null)) {
        throw new EngineError('BAD_USER_INPUT', `the title "${title}" is ${entry.standing}`);
      }
      const directory = this.#directory(title);
      const isNew = !existsSync(directory);
      if (!isNew && !adopt) {
        throw new EngineError(
          'BAD_USER_INPUT',
          `${directory} holds data that no title here has: move it away, or go on with it by --adopt`,
          { details: { directory } },
        );
      }
      try {
        await registry.open(manifest);
      } catch (error) {
        if (isNew) await this.#discard(title);
        throw error;
      }
      try {
        const report = await this.#stand(title, 'active');
        await this.#audit(title, operatorRecord('title.create', { adopted: !isNew }));
        return report;
      } catch (error) {
        await registry.close(title);
        if (isNew) await this.#discard(title);
        throw error;
      }
    });
  }

  /** What the logs of a title prove; null where the title is not served. */
  async verifyAudit(name: string, expected: ExpectedRecord | null): Promise<TitleProof | null> {
    const { registry } = this.#parts;
    if (!registry.isOpen(name)) return null;
    const { audit, engine } = registry.get(name);
    return audit.verify(expected, engine.appliedLsn);
  }

  /** Serves a title no longer, until it is resumed; its files stay. */
  suspend(name: string): Promise<TitleReport> {
    return this.#inTurn(async () => {
      const { registry } = this.#parts;
      const { standing } = this.#entry(name);
      if (standing !== 'active') throw standsSo(name, standing, 'only an active title');
      await this.#stand(name, 'suspended');
      await this.#audit(name, operatorRecord('title.suspend'));
      if (registry.isOpen(name)) await registry.close(name);
      registry.suspend(name);
      return this.#reportOf(this.#entry(name));
    });
  }

  /** Serves a title again that is suspended, or removed while its files are still there. */
  resume(name: string): Promise<TitleReport> {
    return this.#inTurn(async () => {
      const { standing, purgeAtMs } = this.#entry(name);
      if (standing === 'active') throw standsSo(name, standing, 'only what is not served');
      if (standing === 'removed' && (purgeAtMs === null || purgeAtMs <= this.#nowMs())) {
        throw new EngineError(
          'BAD_USER_INPUT',
          `the files of the title "${name}" are gone: make it anew with tickloom title create`,
        );
      }
      await this.#parts.registry.open(await this.#keptManifest(name));
      const report = await this.#stand(name, 'active');
      await this.#audit(name, operatorRecord('title.resume', { from: standing }));
      return report;
    });
  }

  /** Serves a title no longer; its files go after `keepMs`, until when it can be resumed. */
  remove(name: string, keepMs: number): Promise<Removal> {
    return this.#inTurn(async () => {
      const { registry } = this.#parts;
      const { standing } = this.#entry(name);
      if (standing === 'removed') throw standsSo(name, standing, 'only what is still there');
      const purgeAtMs = this.#nowMs() + keepMs;
      await this.#stand(name, 'removed', purgeAtMs);
      const purgeAt = new Date(purgeAtMs).toISOString();
      await this.#audit(name, operatorRecord('title.remove', { from: standing, purgeAt }));
      if (registry.isOpen(name)) await registry.close(name);
      registry.forget(name);
      if (keepMs === 0) await this.#purge(name);
      return { report: this.#reportOf(this.#entry(name)), fate: this.#fateOf(name, purgeAtMs) };
    });
  }

  /** Removes the files whose time has come. What fails is tried again the next time. */
  purgeDue(): Promise<void> {
    return this.#inTurn(async () => {
      for (const { name, purgeAtMs } of this.#book.entries()) {
        if (purgeAtMs === null || purgeAtMs > this.#nowMs()) continue;
        await this.#purge(name).catch((error: unknown) =>
          this.#parts.logger.error({ error, title: name }, 'files of a removed title did not go'),
        );
      }
    });
  }

  async close(): Promise<void> {
    if (this.#purging !== null) clearInterval(this.#purging);
    await this.#last;
  }

  async #purge(name: string): Promise<void> {
    await this.#discard(name);
    const { sinceMs } = this.#entry(name);
    this.#book.put({ name, standing: 'removed', sinceMs, purgeAtMs: null });
    this.#parts.logger.info({ title: name }, 'the files of a removed title are gone');
  }

  async #discard(name: string): Promise<void> {
    const columns = await this.#parts.columns;
    await columns.dropDatabase(name);
    await rm(this.#directory(name), { recursive: true, force: true });
  }

  #entry(name: string): BookEntry {
    const entry = this.#book.get(name);
    if (entry !== null) return entry;
    const names = this.#book.entries().map((one) => one.name);
    const others = names.length === 0 ? 'it has none' : `it has ${names.join(', ')}`;
    throw new EngineError('UNKNOWN_TITLE', `this server has no title "${name}"; ${others}`);
  }

  async #stand(
    name: string,
    standing: BookEntry['standing'],
    purgeAtMs: number | null = null,
  ): Promise<TitleReport> {
    const entry = { name, standing, sinceMs: this.#nowMs(), purgeAtMs };
    this.#book.put(entry);
    this.#parts.logger.info({ title: name, standing }, 'a title stands so now');
    return this.#reportOf(entry);
  }

  /** Records what was done with a title in its own audit log; it is done by then, and stays so. */
  async #audit(name: string, record: AuditRecord): Promise<void> {
    const { registry, logger } = this.#parts;
    try {
      if (registry.isOpen(name)) {
        const { log } = registry.get(name).audit;
        log.record(record);
        if (await log.settledWithin(auditWaitMs)) return;
        logger.error({ audit: record, title: name }, 'an audit record waits for room on the disk');
      } else await recordInClosed(this.#directory(name), record, logger);
    } catch (error) {
      logger.error({ error, audit: record, title: name }, 'an audit record could not be kept');
    }
  }

  async #keptManifest(name: string): Promise<TitleManifest> {
    const path = join(this.#directory(name), 'manifest.json');
    const text = await readFile(path, 'utf8').catch((cause: unknown) => {
      throw new EngineError(
        'UNAVAILABLE',
        `${path} cannot be read, and no other manifest is given for the title "${name}": restore its folder from a backup, or name its manifest with --manifest`,
        { details: { path }, cause },
      );
    });
    return parseKept(text, path);
  }

  #reportOf({ name, standing, sinceMs, purgeAtMs }: BookEntry): TitleReport {
    const { registry } = this.#parts;
    const title = registry.isOpen(name) ? registry.get(name) : null;
    return {
      title: name,
      standing,
      since: new Date(sinceMs).toISOString(),
      purgeAt: purgeAtMs === null ? null : new Date(purgeAtMs).toISOString(),
      isServed: title !== null,
      position: title === null ? null : formatPosition(title.engine.appliedLsn),
      manifestVersion: title?.engine.catalog.manifest.version ?? null,
    };
  }

  #fateOf(name: string, purgeAtMs: number): Readonly<Record<string, string>> {
    const when = `until ${new Date(purgeAtMs).toISOString()}`;
    return {
      api: 'answers no more, from now on',
      log: `${this.#directory(name)} stays ${when}`,
      columns: `its database stays ${when}`,
      exports: `their links answer no more from now on; their files stay ${when}`,
      backups: 'what was copied elsewhere is not touched',
    };
  }

  #directory(name: string): string {
    return join(this.#parts.dataDir, 'titles', name);
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => {});
    return done;
  }
}

function standsSo(name: string, standing: string, only: string): EngineError {
  return new EngineError(
    'BAD_USER_INPUT',
    `the title "${name}" is ${standing} already: ${only} can be`,
  );
}
