import { open } from 'node:fs/promises';
import type { IncomingHttpHeaders } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Engine, ExportRequest, Ticket } from '../../engine/index.ts';
import { limits } from '../../engine/model/limits.ts';
import type { AuditEvent } from '../../resolvers/audit-event.ts';
import { originOf, recordedSignIn } from '../audit/request-audit.ts';
import type { TitleAudit } from '../audit/title-audit.ts';
import { type ByteRange, readRange } from '../exports/byte-range.ts';
import type { CopyDraft, ExportCopy } from '../exports/export-copies.ts';
import type { StoredExport } from '../exports/export-file.ts';
import type { ExportLinks } from '../exports/export-link.ts';
import type { Exports, ReadOutcome } from '../exports/exports.ts';
import type { Exchange } from '../http/exchange.ts';
import type { Handler } from '../http/route.ts';
import type { TitleLimits } from '../limits/title-limits.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { exchangeTicket } from './request-ticket.ts';

export interface ExportEndpointOptions {
  readonly engine: Engine;
  readonly exports: Exports;
  readonly links: ExportLinks;
  readonly use: TitleLimits;
  readonly audit: Pick<TitleAudit, 'of' | 'export'>;
  readonly metrics: Metrics;
  readonly logger: Logger;
}

const formats: Readonly<Record<ExportRequest['format'], { type: string; extension: string }>> = {
  ARROW_STREAM: { type: 'application/vnd.apache.arrow.stream', extension: 'arrows' },
  ARROW_FILE: { type: 'application/vnd.apache.arrow.file', extension: 'arrow' },
  PARQUET: { type: 'application/vnd.apache.parquet', extension: 'parquet' },
};

/**
 * `GET /{title}/exports/{id}?expires=…&signature=…`: the rows, at first straight from the column
 * store and no faster than the client reads; once that was read whole, the same bytes again from its
 * copy, with length and validator, whole or a part (`Range`). What fails before the first byte is
 * answered as an error; what fails later cuts the connection, so that half an export never looks
 * whole.
 */
export function exportEndpoint(options: ExportEndpointOptions): Handler {
  return async (exchange, { id = '' }) => {
    const audit = options.audit.of(originOf(exchange.request));
    recordedSignIn(audit, exchange.requestId, () =>
      options.links.check(id, exchange.query, Date.now()),
    );
    exchange.signedIn();
    const stored = options.exports.find(id);
    await admit(options, stored, exchange.requestId);
    if (exchange.request.method === 'HEAD') return sendHead(exchange, options, stored);
    audit.admit();
    options.exports.begin(id);
    let outcome: ReadOutcome = { kind: 'failed' };
    const sent = sentBytes(exchange);
    try {
      outcome =
        (await sendCopy(exchange, options, stored)) ?? (await stream(exchange, options, stored));
    } finally {
      options.exports.end(id, outcome);
      audit.record(readEvent(stored, outcome, sent(), exchange));
    }
  };
}

/** A read counts for whoever ordered the export: a link names nobody else. */
async function admit(
  { engine, use }: ExportEndpointOptions,
  { subject, role: name }: StoredExport,
  requestId: string,
): Promise<void> {
  const role = name === undefined ? undefined : engine.catalog.roles.get(name);
  if (role !== undefined) await use.admit({ subject, role }, requestId);
}

/** Counts what leaves by the response from now on, its head included. */
function sentBytes({ response }: Exchange): () => number {
  const { socket } = response;
  const before = socket?.bytesWritten ?? 0;
  return () => (socket?.bytesWritten ?? before) - before;
}

/** Who ordered the export, and from where it was read: the link names nobody else. */
function readEvent(
  stored: StoredExport,
  outcome: ReadOutcome,
  bytesRead: number,
  { request, requestId }: Exchange,
): AuditEvent {
  const { source, asOfLsn, format } = stored.spec;
  const { range } = request.headers;
  return {
    action: 'export.read',
    outcome: outcome.kind === 'failed' ? 'failed' : 'done',
    subject: stored.subject,
    role: null,
    requestId,
    queryClass: 'ARCHIVAL',
    table: source.kind === 'table' ? source.table : null,
    lsn: asOfLsn,
    bytesRead,
    details: {
      id: stored.id,
      format,
      whole: outcome.kind === 'complete',
      ...(range === undefined ? {} : { range: range.slice(0, rangeCharsMax) }),
    },
  };
}

const rangeCharsMax = 100;

/** Answers from the copy; null where there is none. */
async function sendCopy(
  exchange: Exchange,
  { exports, metrics, logger }: ExportEndpointOptions,
  stored: StoredExport,
): Promise<ReadOutcome | null> {
  const copy = exports.copies.use(stored.id);
  if (copy === null) return null;
  const { request, response, requestId } = exchange;
  try {
    const file = await open(copy.path).catch((error: unknown) => {
      // Removed by hand: it is made again.
      logger.warn({ error, path: copy.path }, 'the copy of an export cannot be read');
      exports.copies.remove(stored.id);
      return null;
    });
    if (file === null) return null;
    const headers = headersOf(stored, copy);
    const answer = copyAnswer(request.headers, copy);
    response.writeHead(answer.status, { ...headers, ...answer.headers });
    if (answer.range === null) {
      await file.close();
      response.end();
      return { kind: 'left' };
    }
    const { first: start, last: end } = answer.range;
    const bytes = file.createReadStream({ start, end });
    bytes.on('data', (chunk) => {
      metrics.exportsBytes.inc(chunk.length);
      metrics.sent('export', chunk.length);
    });
    await pipeline(bytes, response);
    return answer.status === 200 ? { kind: 'complete', bytes: copy.bytes } : { kind: 'left' };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_STREAM_PREMATURE_CLOSE') {
      logger.error({ error, requestId, path: copy.path }, 'an export broke off');
      response.destroy();
    }
    return { kind: 'left' };
  } finally {
    exports.copies.release(stored.id);
  }
}

interface CopyAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | number>>;
  /** The bytes of the copy to send; null: no content. */
  readonly range: ByteRange | null;
}

/** What conditions and `Range` of a request ask of a copy (RFC 9110, sections 13 and 14). */
function copyAnswer(asked: IncomingHttpHeaders, { bytes, etag }: ExportCopy): CopyAnswer {
  const known = asked['if-none-match']?.split(',').map((each) => each.trim().replace(/^W\//, ''));
  if (known?.some((each) => each === etag || each === '*')) {
    return { status: 304, headers: {}, range: null };
  }
  const isSame = asked['if-range'] === undefined || asked['if-range'] === etag;
  const range = isSame ? readRange(asked.range, bytes) : null;
  if (range === null) {
    return {
      status: 200,
      headers: { 'content-length': bytes },
      range: { first: 0, last: bytes - 1 },
    };
  }
  if (range === 'unsatisfiable') {
    return {
      status: 416,
      headers: { 'content-range': `bytes */${bytes}`, 'content-length': 0 },
      range: null,
    };
  }
  return {
    status: 206,
    headers: {
      'content-range': `bytes ${range.first}-${range.last}/${bytes}`,
      'content-length': range.last - range.first + 1,
    },
    range,
  };
}

async function stream(
  exchange: Exchange,
  options: ExportEndpointOptions,
  stored: StoredExport,
): Promise<ReadOutcome> {
  const { copies } = options.exports;
  const draft = await copies.begin(stored.id);
  try {
    return await streamInto(draft, exchange, options, stored);
  } finally {
    if (draft !== null) await copies.end(stored.id, draft);
  }
}

async function streamInto(
  draft: CopyDraft | null,
  exchange: Exchange,
  options: ExportEndpointOptions,
  stored: StoredExport,
): Promise<ReadOutcome> {
  const { engine, metrics, logger } = options;
  const { response, requestId } = exchange;
  // Whoever ordered it: a link names nobody else.
  const ticket = exchangeTicket({ subject: stored.subject, role: null }, 'ARCHIVAL', exchange);
  const { columns } = engine;
  await columns.waitForCovered(ticket.within(limits.readWaitMs), stored.spec.asOfLsn);
  const chunks = await rowsOf(ticket, options, stored);
  const iterator = chunks[Symbol.asyncIterator]();
  const first = await iterator.next();
  let bytes = 0;
  const counted = async function* () {
    try {
      for (let step = first; !step.done; step = await iterator.next()) {
        bytes += step.value.length;
        metrics.exportsBytes.inc(step.value.length);
        metrics.sent('export', step.value.length);
        await draft?.write(step.value);
        yield step.value;
      }
      // Before the answer ends: whoever has read it whole finds the copy.
      if (draft !== null) await options.exports.copies.keep(stored.id, draft);
    } finally {
      await iterator.return?.();
    }
  };
  response.writeHead(200, headersOf(stored, null));
  try {
    await pipeline(Readable.from(counted(), { objectMode: false }), response);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_STREAM_PREMATURE_CLOSE') {
      return { kind: 'left' };
    }
    logger.error({ error, requestId, bytes }, 'an export broke off');
    response.destroy();
    return { kind: 'failed' };
  }
  return { kind: 'complete', bytes };
}

function rowsOf(
  ticket: Ticket,
  { engine, audit }: ExportEndpointOptions,
  { spec }: StoredExport,
): Promise<AsyncIterable<Uint8Array>> {
  const { source } = spec;
  if (source.kind === 'audit') return audit.export(ticket, source, spec);
  return engine.columns.export(ticket, { ...spec, source });
}

function sendHead(
  exchange: Exchange,
  { exports }: ExportEndpointOptions,
  stored: StoredExport,
): void {
  const copy = exports.copies.peek(stored.id);
  exchange.response.writeHead(200, {
    ...headersOf(stored, copy),
    ...(copy === null ? {} : { 'content-length': copy.bytes }),
  });
  exchange.response.end();
}

function headersOf(stored: StoredExport, copy: ExportCopy | null): Record<string, string> {
  const { type, extension } = formats[stored.spec.format];
  return {
    'content-type': type,
    'content-disposition': `attachment; filename="${fileName(stored)}.${extension}"`,
    // The link is a credential: neither caches nor other pages may keep or learn it.
    'cache-control': 'private, no-store',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    ...(copy === null
      ? { 'accept-ranges': 'none' }
      : { 'accept-ranges': 'bytes', etag: copy.etag }),
  };
}

function fileName({ id, spec }: StoredExport): string {
  const { source } = spec;
  const names = { table: 'table' in source ? source.table : '', sql: 'query', audit: 'audit' };
  return `${names[source.kind]}-${id.slice(0, 8)}`;
}
