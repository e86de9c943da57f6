import {
  type ConflictPolicy,
  decodeCommitBody,
  decodeJsonBody,
  type Engine,
  type Ticket,
  type TickHeader,
  type TickOutcome,
} from '../../engine/index.ts';
import { EngineError, type ErrorCode } from '../../engine/model/errors.ts';
import { formatPosition } from '../../engine/model/position.ts';
import { authoriseBatch, authoriseCommit } from '../../resolvers/authorise.ts';
import type { Principal } from '../../resolvers/context.ts';
import type { FinishedOperation } from '../../resolvers/insight/finished-operation.ts';
import type { FinishedWork } from '../../resolvers/insight/finished-work.ts';
import { RequestReport } from '../../resolvers/request-report.ts';
import { conflictKey, type FirstVerdict, toldResults } from '../../resolvers/ticks.ts';
import { checkContentType } from '../http/content-type.ts';
import type { Exchange } from '../http/exchange.ts';
import { readBody } from '../http/read-body.ts';
import { sendJson } from '../http/respond.ts';
import type { Handler } from '../http/route.ts';
import { servingLimits } from '../serving-limits.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { RequestSpan } from '../telemetry/request-span.ts';
import { traceparentOf } from '../telemetry/trace-context.ts';
import type { Tracing } from '../telemetry/tracing.ts';
import { textShape } from './graphql/operation-shapes.ts';
import { exchangeTicket, requestAttributes } from './request-ticket.ts';
import type { ServedManifest } from './served-manifest.ts';
import { type SignInParts, signIn } from './sign-in.ts';

export interface CommitEndpointOptions extends SignInParts {
  readonly engine: Engine;
  readonly manifest: ServedManifest;
  readonly metrics: Metrics;
  readonly work: FinishedWork;
  /** Null: nobody takes traces. */
  readonly tracing: Tracing | null;
}

/** `POST /{title}/sessions/{sessionId}/ticks/{tick}`: a tick in columns, as Arrow or as JSON. */
export function commitEndpoint(options: CommitEndpointOptions): Handler {
  const { engine, metrics, use, work } = options;
  const { catalog } = engine;
  const committed = metrics.requests.labels({
    endpoint: 'commit',
    operation_kind: 'mutation',
    code: 'OK',
  });
  return async (exchange, { sessionId = '', tick = '' }) => {
    const { request } = exchange;
    const report = new RequestReport(queryClass);
    const { principal, audit } = await signIn(options, exchange);
    options.manifest.check(request.headers['x-tickloom-manifest']);
    const span = beginSpan(options, exchange, principal);
    // What is refused before it is committed ends with the response.
    exchange.response.once('close', () => span?.end(null, null));
    const ticket = exchangeTicket(principal, queryClass, exchange, { audit, span });
    const asker = { principal, audit, ticket };
    // Before the body: who may not commit at all need not send it.
    authoriseCommit(asker);
    await use.take('tick', asker);
    const format = formats[checkContentType(request, arrowType, jsonType)];
    const header = readHeader(exchange, sessionId, tick);
    const body = await readBody(request, format.bytesMax);
    metrics.received('commit', body.length);
    use.charge(principal, { bytes: body.length });
    if (body.length === 0) throw emptyBody();
    const batch = format.decode(catalog, header, body);
    authoriseBatch(asker, batch, catalog);
    const finished = (code: ErrorCode | null) => {
      work.record(finishedCommit(ticket, report, code));
      span?.end(null, code);
    };
    const outcome = await engine.commit(ticket, batch).catch((error: unknown) => {
      finished(error instanceof EngineError ? error.code : 'INTERNAL');
      throw error;
    });
    report.sawPosition(outcome.lsn);
    committed.inc();
    finished(null);
    const extensions = { tickloom: report.toExtensions() };
    await sendJson(exchange, metrics, { ...answer(outcome), extensions });
    use.charge(principal, { bytes: exchange.bytesSent });
  };
}

/** Ticks go before everything else, whatever the role's class. */
const queryClass = 'GAMEPLAY';
const arrowType = 'application/vnd.apache.arrow.stream';
const jsonType = 'application/json';

/** What a body may be. */
const formats = {
  [arrowType]: { decode: decodeCommitBody, bytesMax: servingLimits.commitBodyBytesMax },
  [jsonType]: { decode: decodeJsonBody, bytesMax: servingLimits.commitJsonBytesMax },
} as const;

function beginSpan(
  { tracing, engine }: CommitEndpointOptions,
  { request, requestId, endpoint }: Exchange,
  principal: Principal,
): RequestSpan | null {
  if (tracing === null) return null;
  return tracing.begin({
    name: 'commit',
    traceparent: traceparentOf(request.headers.traceparent),
    attributes: requestAttributes(engine.catalog.manifest.title, principal, {
      requestId,
      endpoint,
    }),
  });
}

const commitText = 'POST /{title}/sessions/{sessionId}/ticks/{tick}';
const commitShape = textShape('commit', commitText);

function finishedCommit(
  { principal, trace }: Ticket,
  report: RequestReport,
  code: ErrorCode | null,
): FinishedOperation {
  return {
    kind: 'COMMIT',
    shape: commitShape,
    subject: principal.subject,
    role: principal.role,
    queryClass,
    requestId: trace.requestId,
    endedAtMs: Date.now(),
    elapsedMs: report.elapsedMs,
    waitMs: 0,
    rowsRead: 0,
    bytesRead: 0,
    memoryPeakBytes: null,
    code,
  };
}

/** A body that was lost on its way must not be a tick. */
function emptyBody(): EngineError {
  return new EngineError(
    'BAD_USER_INPUT',
    'the body is empty; a tick without actions is a stream of actions without rows (its schema and the end mark), in JSON {}',
    { details: { path: 'body' } },
  );
}

function readHeader({ request }: Exchange, sessionId: string, tick: string): TickHeader {
  const { headers } = request;
  return {
    sessionId,
    tick: requiredInteger('tick', tick),
    fence: optionalInteger('x-tickloom-fence', headers['x-tickloom-fence']),
    idempotencyKey: single(headers['idempotency-key']) ?? null,
    onConflict: conflictPolicy(single(headers['x-tickloom-on-conflict'])),
    afterTick: optionalInteger('x-tickloom-after-tick', headers['x-tickloom-after-tick']),
    once: flag('x-tickloom-once', single(headers['x-tickloom-once'])),
  };
}

function conflictPolicy(text: string | undefined): ConflictPolicy {
  if (text === undefined) return 'REJECT_ACTION';
  if (text === 'REJECT_ACTION' || text === 'ABORT_TICK') return text;
  throw new EngineError(
    'BAD_USER_INPUT',
    'x-tickloom-on-conflict must be REJECT_ACTION or ABORT_TICK',
    { details: { path: 'x-tickloom-on-conflict' } },
  );
}

function flag(path: string, text: string | undefined): boolean {
  if (text === undefined || text === 'false') return false;
  if (text === 'true') return true;
  throw new EngineError('BAD_USER_INPUT', `${path} must be true or false`, { details: { path } });
}

function optionalInteger(name: string, value: string | string[] | undefined): number | null {
  const text = single(value);
  return text === undefined ? null : requiredInteger(name, text);
}

/** `path`: the header, or the part of the URL. */
function requiredInteger(path: string, text: string): number {
  const number = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (!(number <= 0xffff_ffff)) {
    throw new EngineError('BAD_USER_INPUT', `${path} must be a whole number of at most 32 bits`, {
      details: { path },
    });
  }
  return number;
}

function single(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}

/** The payload of `commitTick` as JSON, with the results of what was rejected or settled before. */
function answer(outcome: TickOutcome): object {
  return {
    position: formatPosition(outcome.lsn),
    sessionId: outcome.sessionId,
    tick: outcome.tick,
    duplicate: outcome.duplicate,
    accepted: outcome.accepted,
    rejected: outcome.rejected,
    repeated: outcome.repeats.length,
    aborted: outcome.aborted,
    stateHash: outcome.stateHash,
    results: toldResults(outcome).map(({ conflict, first, ...result }) => ({
      ...result,
      conflict: conflict === null ? null : conflictJson(conflict),
      ...(first === null ? {} : { first: firstJson(first) }),
    })),
    conflict: outcome.tickConflict === null ? null : conflictJson(outcome.tickConflict),
  };
}

function firstJson({ lsn, conflict, sameContent }: FirstVerdict): unknown {
  return { position: formatPosition(lsn), conflict, sameContent };
}

function conflictJson(conflict: NonNullable<TickOutcome['tickConflict']>): unknown {
  const { code, effect, table, expectedVersion, actualVersion, lastWriter, message } = conflict;
  return {
    code,
    effect,
    table,
    key: conflictKey(conflict),
    expectedVersion,
    actualVersion,
    lastWriter:
      lastWriter === null
        ? null
        : {
            position: formatPosition(lastWriter.lsn),
            tick: lastWriter.tick,
            actionId: lastWriter.actionId,
          },
    message,
  };
}
