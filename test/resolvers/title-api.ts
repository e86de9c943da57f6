import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ExecutionResult, type GraphQLSchema, graphql, parse, subscribe } from 'graphql';
import { onTestFinished } from 'vitest';
import { departureAt, neverLeaves } from '../../engine/govern/departure.ts';
import { ColumnMasks } from '../../engine/index.ts';
import type { Catalog } from '../../engine/model/catalog.ts';
import { EngineError } from '../../engine/model/errors.ts';
import type { QueryClass, TitleManifest } from '../../engine/model/types.ts';
import type { Engine } from '../../engine/ports/engine.ts';
import { openEngine } from '../../engine/title/open-engine.ts';
import type { AuditEvent } from '../../resolvers/audit-event.ts';
import type {
  ExportInfo,
  ExportRegistry,
  Principal,
  RequestContext,
} from '../../resolvers/context.ts';
import { toClientError } from '../../resolvers/errors.ts';
import { FinishedWork } from '../../resolvers/insight/finished-work.ts';
import { LiveSubscriptions } from '../../resolvers/live-subscriptions.ts';
import { RequestReport } from '../../resolvers/request-report.ts';
import { RunningQueries } from '../../resolvers/running-queries.ts';
import { buildSchema } from '../../schema/build-schema.ts';
import { requestTicket } from '../../src/api/request-ticket.ts';
import { ashfall } from '../../src/sandbox/ashfall.ts';
import { FakeColumnStore } from './fake-column-store.ts';

/** A title as its API sees it: the real engine on a real log, with a fake column store at its port. */
export class TitleApi {
  readonly catalog: Catalog;
  readonly schema: GraphQLSchema;
  readonly engine: Engine;
  readonly columns: FakeColumnStore;
  readonly audit: AuditEvent[] = [];
  /** As though too many records waited for the disk. */
  auditRefuses = false;
  readonly logged: unknown[] = [];
  readonly running = new RunningQueries();
  readonly subscriptions = new LiveSubscriptions();
  readonly work = new FinishedWork({ GAMEPLAY: 100, OPERATOR: 1_000, ARCHIVAL: 30_000 }, () => {});
  readonly exports = new FakeExports();

  constructor(engine: Engine, columns: FakeColumnStore) {
    this.catalog = engine.catalog;
    this.schema = buildSchema(engine.catalog);
    this.engine = engine;
    this.columns = columns;
  }

  /** A caller with one role of the manifest, or none. */
  as(role: string | null, options: CallerOptions = {}): Caller {
    return new Caller(this, role, options);
  }
}

export interface CallerOptions extends Partial<Principal> {
  readonly queryClass?: QueryClass;
  readonly readAfter?: RequestContext['readAfter'];
  readonly signal?: AbortSignal;
}

/** A caller's contexts live for one operation each, as a server's do. */
export class Caller {
  readonly #api: TitleApi;
  readonly #role: string | null;
  readonly #options: CallerOptions;

  constructor(api: TitleApi, role: string | null, options: CallerOptions) {
    this.#api = api;
    this.#role = role;
    this.#options = options;
  }

  /** The data of an operation that succeeds. */
  // biome-ignore lint/suspicious/noExplicitAny: answers are as varied as the operations
  async data(source: string, variables?: Record<string, unknown>): Promise<any> {
    const { result } = await this.run(source, variables);
    if (result.errors) throw result.errors[0];
    return result.data;
  }

  /** `extensions` of the first error of an operation that fails. */
  async refusal(source: string, variables?: Record<string, unknown>) {
    const { result } = await this.run(source, variables);
    const [error] = result.errors ?? [];
    if (!error) throw new Error(`no error in ${JSON.stringify(result)}`);
    const shown = toClientError(error, 'execute', {
      requestId: 'r1',
      logInternal: (original) => this.#api.logged.push(original),
    });
    return { message: shown.message, ...shown.extensions } as {
      message: string;
      code: string;
      details: Record<string, unknown>;
    };
  }

  async run(source: string, variables?: Record<string, unknown>) {
    const context = this.context();
    const result = await graphql({
      schema: this.#api.schema,
      source,
      variableValues: variables ?? null,
      contextValue: context,
    });
    // Prototypes of graphql-js's own are in the way of comparing.
    return { result: plain(result), report: context.report.toExtensions() };
  }

  async subscribe(
    source: string,
    variables?: Record<string, unknown>,
  ): Promise<AsyncIterableIterator<ExecutionResult>> {
    const answer = await subscribe({
      schema: this.#api.schema,
      document: parse(source),
      variableValues: variables ?? null,
      contextValue: this.context(),
    });
    if (!(Symbol.asyncIterator in answer)) throw answer.errors?.[0];
    return answer as AsyncIterableIterator<ExecutionResult>;
  }

  context(): RequestContext {
    const role = this.#role === null ? null : this.#api.catalog.roles.get(this.#role);
    if (role === undefined) throw new Error(`no role ${this.#role}`);
    const queryClass = this.#options.queryClass ?? role?.class ?? 'ARCHIVAL';
    const principal: Principal = {
      subject: this.#options.subject ?? 'tester',
      role,
      class: role?.class ?? 'ARCHIVAL',
      claims: this.#options.claims ?? {},
      expiresAtMs: Number.POSITIVE_INFINITY,
    };
    const ticket = requestTicket(principal, queryClass, {
      requestId: 'r1',
      traceparent: undefined,
      departure: this.#options.signal ? departureAt(this.#options.signal) : neverLeaves,
    });
    return {
      engine: this.#api.engine,
      principal,
      ticket,
      followAsker: (listen) => {
        listen({ principal, ticket });
        return () => undefined;
      },
      exports: this.#api.exports,
      masks: new ColumnMasks(new Uint8Array(32)),
      audit: {
        admit: () => {
          if (this.#api.auditRefuses) throw new EngineError('UNAVAILABLE', 'no audit');
        },
        record: (event) => this.#api.audit.push(event),
      },
      auditLog: {
        list: () => Promise.reject(new EngineError('UNAVAILABLE', 'no audit log is open')),
        lastSequence: () => Promise.resolve(0),
      },
      use: { take: () => undefined },
      running: this.#api.running,
      subscriptions: this.#api.subscriptions,
      outgoing: {
        transport: 'WEBSOCKET',
        address: null,
        client: null,
        operation: null,
        bytesSent: 0,
        queuedBytes: () => 0,
      },
      work: this.#api.work,
      health: () => ({
        windowSeconds: 120,
        logSync: null,
        staleness: new Map(),
        appliedLsn: this.#api.engine.appliedLsn,
        columnsCoveredLsn: this.#api.engine.columns.coveredLsn,
        columnsTrouble: null,
        memoryUsedBytes: 0,
        memoryBytesMax: 1,
        audit: 'ok',
      }),
      readAfter: this.#options.readAfter ?? null,
      lastEventId: null,
      report: new RequestReport(queryClass),
    };
  }
}

class FakeExports implements ExportRegistry {
  readonly created: Parameters<ExportRegistry['create']>[0][] = [];
  readonly #owners = new Map<string, { info: ExportInfo; subject: string }>();

  async create(spec: Parameters<ExportRegistry['create']>[0], principal: Principal) {
    this.created.push(spec);
    const info: ExportInfo = {
      id: `e${this.created.length}`,
      url: `http://127.0.0.1/exports/e${this.created.length}`,
      expiresAtMs: Date.UTC(2026, 0, 31),
      state: 'READY',
      lsn: spec.asOfLsn,
      rows: null,
      bytes: null,
      format: spec.format,
    };
    this.#owners.set(info.id, { info, subject: principal.subject });
    return info;
  }

  async get(id: string, principal: Principal) {
    const found = this.#owners.get(id);
    return found?.subject === principal.subject ? found.info : null;
  }
}

/** Opens a title for one test. */
export async function openTitleApi(manifest: TitleManifest = ashfall): Promise<TitleApi> {
  const directory = await mkdtemp(join(tmpdir(), 'tickloom-api-'));
  const columns = new FakeColumnStore();
  const engine = await openEngine({
    manifest,
    directory,
    durability: { mode: 'none' },
    columns,
    now: () => Date.UTC(2026, 0, 1),
  });
  onTestFinished(async () => {
    await engine.close();
    await rm(directory, { recursive: true });
  });
  return new TitleApi(engine, columns);
}

function plain(result: ExecutionResult): ExecutionResult {
  if (!result.data) return result;
  return { ...result, data: JSON.parse(JSON.stringify(result.data)) };
}
