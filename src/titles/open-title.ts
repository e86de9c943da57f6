import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  ColumnMasks,
  type ColumnsHost,
  type EngineOptions,
  Lifetime,
  type Lsn,
  manifestHash,
  openEngine,
  parseKept,
} from '../../engine/index.ts';
import type { TitleManifest, UseLimits } from '../../engine/model/types.ts';
import type { SocketPlaces } from '../api/graphql/socket-places.ts';
import { operatorRecord, TitleAudit } from '../audit/title-audit.ts';
import type { Settings } from '../config/settings.ts';
import { ExportLinks } from '../exports/export-link.ts';
import { Exports } from '../exports/exports.ts';
import type { Exchange } from '../http/exchange.ts';
import type { Identity } from '../identity/identity.ts';
import { TitleLimits } from '../limits/title-limits.ts';
import { secretFromFile } from '../storage/private-file.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { MetricRegistry } from '../telemetry/metric-registry.ts';
import { Metrics } from '../telemetry/metrics.ts';
import { observeEngine } from '../telemetry/observed-engine.ts';
import { logRecovery } from '../telemetry/recovery-log.ts';
import type { Tracing } from '../telemetry/tracing.ts';
import { RunningRequests } from './running-requests.ts';
import type { ServedTitle, TitleEndpoint } from './served-title.ts';

/** What all titles of a server share. */
export interface SharedParts {
  readonly settings: Settings;
  readonly logger: Logger;
  readonly metrics: MetricRegistry;
  readonly identity: Identity;
  /** The ClickHouse in which each title has a database; it may still be starting. */
  readonly columns: Promise<ColumnsHost>;
  /** Null: nobody takes traces. */
  readonly tracing: Tracing | null;
  /** The places of all WebSockets of the server. */
  readonly places: SocketPlaces;
  /** The URL clients reach the server under, without a slash at its end. */
  readonly publicUrl: () => string;
}

/** What an operator allows a start to give up; a refusal to start names the one that it needs. */
export interface Mends {
  /** Cuts a log that is damaged at exactly this record there. */
  readonly truncateAt: Lsn | null;
  /** Serves without rows that the column store has lost. */
  readonly acceptLostRows: boolean;
}

/**
 * Opens a title: its log, rows and views, its database, its exports and its API, in this order; or
 * ends what it has opened and rejects. Other titles are not touched by it.
 */
export function openTitle(
  shared: SharedParts,
  manifest: TitleManifest,
  mends: Mends,
): Promise<OpenTitle> {
  const name = manifest.title;
  const { settings } = shared;
  const logger = shared.logger.child({ title: name });
  const onError = (error: unknown) =>
    logger.error({ error }, 'a part of a title that failed to open could not be ended');
  return Lifetime.of(async (lifetime) => {
    const metrics = new Metrics(shared.metrics, name);
    lifetime.add(() => shared.metrics.forget(name));

    // GraphQL is loaded while ClickHouse starts in a process of its own: a quarter of a second less
    // until a server that was killed serves again.
    const loading = import('./served-title.ts');
    loading.catch(() => {});
    const directory = join(settings.dataDir, 'titles', name);
    const keptBefore = await keptManifest(directory);
    const masks = new ColumnMasks(secretFromFile(join(directory, 'mask-key')));
    const opened = await openEngine({
      manifest,
      masks,
      directory,
      durability: settings.durability,
      columns: shared.columns,
      canary: settings.canary,
      logRetainBytes: settings.logRetain,
      rowMemoryBytesMax: settings.rowMemory,
      ...mends,
      // Subscribers come back with their cursors: an orderly restart shall not cost them more than a crash.
      checkpointOnClose: false,
      logger,
      proveManifest: async () => (await loading).proveServable(manifest),
      observer: toldObserver(metrics, logger),
      onRecovery: (report) => logRecovery(logger, report),
    });
    lifetime.add(() => opened.close());
    const recoveredLsn = opened.appliedLsn;
    const engine = observeEngine(opened, settings.durability.mode, metrics);

    const audit = await TitleAudit.open({
      title: name,
      directory,
      retention: settings.auditRetain,
      columns: await shared.columns,
      logger,
    });
    lifetime.add(() => audit.close());
    metrics.watchAudit(audit.log);
    recordManifest(audit, keptBefore, manifest);

    const exportsDirectory = join(directory, 'exports');
    const linkSecret = secretFromFile(join(exportsDirectory, 'link-secret'));
    const links = new ExportLinks(name, linkSecret, shared.publicUrl);
    const ttlMs = settings.exportTtlSeconds * 1000;
    const exports = new Exports({ directory: exportsDirectory, links, ttlMs, logger });
    lifetime.add(() => exports.close());

    const use = new TitleLimits(titleLimitsOf(settings), metrics, audit.log);

    const requests = new RunningRequests();
    const { serveTitle } = await loading;
    const served = serveTitle({
      engine,
      identity: shared.identity,
      exports,
      masks,
      links,
      audit,
      use,
      metrics,
      logger,
      requests,
      places: shared.places,
      slowMs: settings.slowMs,
      rowMemoryBytesMax: settings.rowMemory,
      tracing: shared.tracing,
    });
    const parts = { name, engine, audit, recoveredLsn, metrics, requests, served };
    return new OpenTitle(parts, () => lifetime.endOrThrow());
  }, onError);
}

/** What each title of the server may be asked for. */
function titleLimitsOf({ titleRequestsPerSecond, titleSubscriptions }: Settings): UseLimits {
  return {
    ...(titleRequestsPerSecond === null ? {} : { requestsPerSecond: titleRequestsPerSecond }),
    ...(titleSubscriptions === null ? {} : { subscriptions: titleSubscriptions }),
  };
}

interface OpenTitleParts {
  readonly name: string;
  readonly engine: ReturnType<typeof observeEngine>;
  readonly audit: TitleAudit;
  /** Where the log ended when it was recovered. */
  readonly recoveredLsn: Lsn;
  readonly metrics: Metrics;
  readonly requests: RunningRequests;
  readonly served: ServedTitle;
}

/** A title that is served. */
export class OpenTitle {
  readonly name: string;
  readonly engine: OpenTitleParts['engine'];
  readonly audit: TitleAudit;
  readonly recoveredLsn: Lsn;
  readonly socket: ServedTitle['socket'];
  readonly #parts: OpenTitleParts;
  readonly #end: () => Promise<void>;

  constructor(parts: OpenTitleParts, end: () => Promise<void>) {
    this.name = parts.name;
    this.engine = parts.engine;
    this.audit = parts.audit;
    this.recoveredLsn = parts.recoveredLsn;
    this.socket = parts.served.socket;
    this.#parts = parts;
    this.#end = end;
  }

  answer(
    endpoint: TitleEndpoint,
    exchange: Exchange,
    parameters: Readonly<Record<string, string>>,
  ): Promise<void> {
    const { metrics, requests, served } = this.#parts;
    exchange.metrics = metrics;
    return requests.run(exchange.response, () => served.endpoints[endpoint](exchange, parameters));
  }

  /** Tells subscribers to go elsewhere, on WebSockets (1001) and event streams. */
  async leaveSubscribers(): Promise<void> {
    this.#parts.requests.endStreams();
    await this.socket.close();
  }

  /** Lets what runs finish for `graceMs`, then closes everything of the title. */
  async close(graceMs: number): Promise<void> {
    await Promise.all([this.leaveSubscribers(), this.#parts.requests.drain(graceMs)]);
    await this.#end();
  }
}

/** The manifest that the title was open under before; null where it never was, or it cannot be read. */
async function keptManifest(directory: string): Promise<TitleManifest | null> {
  const path = join(directory, 'manifest.json');
  try {
    return parseKept(await readFile(path, 'utf8'), path);
  } catch {
    // The engine, which reads it as well, says what is wrong with it.
    return null;
  }
}

/** Records that the title is open under another manifest than before. */
function recordManifest(
  audit: TitleAudit,
  before: TitleManifest | null,
  manifest: TitleManifest,
): void {
  const hash = manifestHash(manifest);
  const hashBefore = before === null ? null : manifestHash(before);
  if (hash === hashBefore) return;
  const { version } = manifest;
  const details = { version, hash, versionBefore: before?.version ?? null, hashBefore };
  audit.log.record(operatorRecord('manifest.accept', details));
}

/** What the engine tells, counted, and what operators should hear of it, logged. */
function toldObserver(metrics: Metrics, logger: Logger): NonNullable<EngineOptions['observer']> {
  const { engineObserver } = metrics;
  return {
    ...engineObserver,
    onCheckpoint: (seconds, error) => {
      engineObserver.onCheckpoint?.(seconds, error);
      if (error !== null) logger.error({ error }, 'a checkpoint failed; the last one stays');
    },
    onLogDropped: (dropped, error) => {
      engineObserver.onLogDropped?.(dropped, error);
      if (error !== null) logger.error({ error }, 'old log could not be dropped');
      else logger.info({ dropped }, 'old log was dropped');
    },
    log: {
      ...engineObserver.log,
      onFailure: (error) => logger.fatal({ error }, 'the log stopped: nothing is acknowledged'),
    },
    onBroken: (broken) => logger.fatal({ error: broken }, 'canary mode found a bug'),
  };
}
