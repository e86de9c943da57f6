import { EngineError } from '../../../engine/model/errors.ts';
import type { Principal } from '../../../resolvers/context.ts';
import type { RequestAudit } from '../../audit/request-audit.ts';
import { checkContentType } from '../../http/content-type.ts';
import type { Exchange } from '../../http/exchange.ts';
import { readBody } from '../../http/read-body.ts';
import { errorBody, sendBody } from '../../http/respond.ts';
import {
  type Credentials,
  credentialsOf,
  type TitleAccess,
} from '../../identity/title-identity.ts';
import type { Metrics } from '../../telemetry/metrics.ts';
import type { ServedManifest } from '../served-manifest.ts';
import { signIn } from '../sign-in.ts';
import { type AnswerTypes, answerTypesOf } from './answer-types.ts';
import type { AnsweredFrames } from './answered-frames.ts';
import { bodyBytesMaxOf } from './body-bytes.ts';
import { eventsOf, refusalEvents, writePieces } from './event-stream.ts';
import { type GraphqlParams, parseBodyParams, parseQueryParams } from './graphql-params.ts';
import { OperationContext, type TitleServices } from './operation-context.ts';
import type { TitleYoga } from './yoga.ts';

export interface GraphqlEndpointOptions {
  readonly yoga: TitleYoga;
  readonly manifest: ServedManifest;
  readonly services: TitleServices;
  readonly metrics: Metrics;
  readonly identity: TitleAccess;
  /** Registers a subscription that runs; it is ended when the server drains. Returns its removal. */
  readonly onDrain: (end: () => void) => () => void;
}

type FetchResponse = Awaited<ReturnType<TitleYoga['fetch']>>;

/** `POST /{title}/graphql`, GET for queries, and SSE by `accept: text/event-stream`. */
export function graphqlEndpoint(options: GraphqlEndpointOptions) {
  return async (exchange: Exchange): Promise<void> => {
    const { headers } = exchange.request;
    const { audit: titleAudit, use } = options.services;
    const parts = { audit: titleAudit, identity: options.identity, use };
    const { principal, audit } = await signIn(parts, exchange);
    const credentials = credentialsOf(headers);
    options.manifest.check(headers['x-tickloom-manifest']);
    const types = answerTypesOf(exchange.request);
    const context = operationContext(options, exchange, principal, audit);
    const params = await readParams(exchange, options, principal);
    const takesEvents = types.events !== null;
    let frames: AnsweredFrames | null = null;
    const onFrames = (begun: AnsweredFrames): void => {
      frames = begun;
    };
    const operation = { operation: context, params, takesEvents, onFrames };
    const request = fetchRequestOf(options.yoga, exchange, types);
    const response = await options.yoga.handleRequest(request, operation);
    // Refusals and errors of fields have another status; this is yoga's own report of a bug.
    if (response.status >= 500) throw new Error(`yoga failed: ${await response.text()}`);
    if (frames !== null) {
      try {
        await sendFrames(exchange, options, frames, context, credentials);
      } finally {
        // What the subscription has taken is free again, however its stream ended.
        context.abandon();
      }
    } else {
      await sendResult(exchange, options, response);
      options.services.use.charge(principal, { bytes: exchange.bytesSent });
    }
  };
}

function operationContext(
  options: GraphqlEndpointOptions,
  exchange: Exchange,
  principal: Principal,
  audit: RequestAudit,
): OperationContext {
  const { headers } = exchange.request;
  return new OperationContext(options.services, {
    principal,
    audit,
    askedClass: textHeader(headers['x-tickloom-class']),
    readAfter: textHeader(headers['x-tickloom-read-after']),
    lastEventId: textHeader(headers['last-event-id']),
    requestId: exchange.requestId,
    traceparent: headers.traceparent,
    departure: exchange.departure,
    endpoint: exchange.endpoint,
    queuedBytes: () => exchange.response.writableLength,
  });
}

function textHeader(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}

async function readParams(
  exchange: Exchange,
  { metrics, services }: GraphqlEndpointOptions,
  principal: Principal,
): Promise<GraphqlParams> {
  const { request } = exchange;
  if (request.method !== 'POST') return parseQueryParams(exchange.query);
  checkContentType(request, 'application/json');
  const body = await readBody(request, bodyBytesMaxOf(principal));
  metrics.received(exchange.endpoint, body.length);
  services.use.charge(principal, { bytes: body.length });
  return parseBodyParams(body);
}

/**
 * Yoga decides by method and `accept`, of which it gets what was settled: of several types it would
 * take the last one. The operation itself is handed over beside the request.
 */
function fetchRequestOf(yoga: TitleYoga, { request }: Exchange, types: AnswerTypes): Request {
  const headers: Record<string, string> = {
    accept: [types.events, types.result].filter((type) => type !== null).join(', '),
  };
  if (request.method === 'POST') headers['content-type'] = 'application/json';
  return new yoga.fetchAPI.Request('http://localhost/graphql', {
    method: request.method ?? 'GET',
    headers,
  });
}

async function sendResult(
  exchange: Exchange,
  { metrics }: GraphqlEndpointOptions,
  response: FetchResponse,
): Promise<void> {
  const contentType = response.headers.get('content-type');
  if (contentType === null) {
    throw new EngineError('BAD_USER_INPUT', 'a mutation needs POST; GET takes queries only');
  }
  const isEvents = contentType.startsWith('text/event-stream');
  await sendBody(exchange, metrics, {
    // A client of events reads why a subscription did not begin only where it is told so.
    status: isEvents ? 200 : response.status,
    contentType,
    ...(isEvents ? { headers: eventHeaders } : {}),
    content: await response.text(),
    compress: 'large',
  });
}

/**
 * Sends frames as they come, no faster than the client reads. Ends when the client leaves, the
 * server drains, or the token holds no longer; the last thing its subscriber then hears is why.
 */
async function sendFrames(
  { response: out, requestId, endpoint }: Exchange,
  { metrics, identity, onDrain }: GraphqlEndpointOptions,
  frames: AnsweredFrames,
  context: OperationContext,
  credentials: Credentials,
): Promise<void> {
  out.writeHead(200, eventHeaders);
  let refusal: EngineError | null = null;
  let isStopped = false;
  const stop = () => {
    isStopped = true;
    void frames.return();
  };
  const live = identity.live(credentials, context.principal, {
    onChange: (principal) => context.actAs(principal),
    onEnd: (reason) => {
      refusal = reason;
      stop();
    },
  });
  const removeDrain = onDrain(stop);
  out.once('close', stop);
  const send = (pieces: readonly Buffer[]): Promise<void> => {
    const bytes = pieces.reduce((sum, { length }) => sum + length, 0);
    metrics.sent(endpoint, bytes);
    context.outgoing.bytesSent += bytes;
    return writePieces(out, pieces);
  };
  try {
    for await (const event of eventsOf(frames)) {
      if (isStopped) break;
      await send(event);
    }
  } finally {
    live.close();
    removeDrain();
  }
  if (refusal !== null) await send(refusalEvents(JSON.stringify(errorBody(refusal, requestId))));
  out.end();
}

const eventHeaders = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
};
