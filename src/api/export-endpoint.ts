import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Engine, ExportRequest } from '../../engine/index.ts';
import { limits } from '../../engine/model/limits.ts';
import type { StoredExport } from '../exports/export-file.ts';
import type { ExportLinks } from '../exports/export-link.ts';
import type { Exports, ReadOutcome } from '../exports/exports.ts';
import type { Exchange } from '../http/exchange.ts';
import type { Handler } from '../http/route.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';

export interface ExportEndpointOptions {
  readonly engine: Engine;
  readonly exports: Exports;
  readonly links: ExportLinks;
  readonly metrics: Metrics;
  readonly logger: Logger;
}

const formats: Readonly<Record<ExportRequest['format'], { type: string; extension: string }>> = {
  ARROW_STREAM: { type: 'application/vnd.apache.arrow.stream', extension: 'arrows' },
  ARROW_FILE: { type: 'application/vnd.apache.arrow.file', extension: 'arrow' },
  PARQUET: { type: 'application/vnd.apache.parquet', extension: 'parquet' },
};

/**
 * `GET /{title}/exports/{id}?expires=…&signature=…`: the rows, straight from the column store and
 * no faster than the client reads. What fails before the first byte is answered as an error; what
 * fails later cuts the connection, so that half an export never looks whole.
 */
export function exportEndpoint(options: ExportEndpointOptions): Handler {
  return async (exchange, { id = '' }) => {
    options.links.check(id, exchange.query, Date.now());
    const stored = options.exports.find(id);
    if (exchange.request.method === 'HEAD') return sendHead(exchange, stored);
    options.exports.begin(id);
    let outcome: ReadOutcome = { kind: 'failed' };
    try {
      outcome = await stream(exchange, options, stored);
    } finally {
      options.exports.end(id, outcome);
    }
  };
}

async function stream(
  exchange: Exchange,
  options: ExportEndpointOptions,
  stored: StoredExport,
): Promise<ReadOutcome> {
  const { engine, metrics, logger } = options;
  const { response, requestId } = exchange;
  const abort = new AbortController();
  response.once('close', () => abort.abort());
  await engine.columns.waitForCovered(stored.spec.asOfLsn, limits.readWaitMs);
  const chunks = await engine.columns.export({ ...stored.spec, signal: abort.signal });
  const iterator = chunks[Symbol.asyncIterator]();
  const first = await iterator.next();
  let bytes = 0;
  const counted = async function* () {
    try {
      for (let step = first; !step.done; step = await iterator.next()) {
        bytes += step.value.length;
        metrics.exportsBytes.inc(step.value.length);
        metrics.sent('export', step.value.length);
        yield step.value;
      }
    } finally {
      await iterator.return?.();
    }
  };
  response.writeHead(200, headersOf(stored));
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

function sendHead(exchange: Exchange, stored: StoredExport): void {
  exchange.response.writeHead(200, {
    ...headersOf(stored),
    ...(stored.bytes === null ? {} : { 'content-length': stored.bytes }),
  });
  exchange.response.end();
}

function headersOf(stored: StoredExport): Record<string, string> {
  const { type, extension } = formats[stored.spec.format];
  return {
    'content-type': type,
    'content-disposition': `attachment; filename="${fileName(stored)}.${extension}"`,
    // The link is a credential: neither caches nor other pages may keep or learn it.
    'cache-control': 'private, no-store',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
  };
}

function fileName({ id, spec }: StoredExport): string {
  return `${spec.source.kind === 'table' ? spec.source.table : 'query'}-${id.slice(0, 8)}`;
}
