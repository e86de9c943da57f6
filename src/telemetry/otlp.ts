import { type DiagLogger, diag, trace } from '@opentelemetry/api';
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace-base';
import { packageVersion } from '../package-directory.ts';
import { servingLimits } from '../serving-limits.ts';
import type { Logger } from './logger.ts';

export interface OtlpOptions {
  /** Where traces go: the base URL of a collector, `http://127.0.0.1:4318`. */
  readonly url: string;
  /** The share of traces begun here that are kept, 0 to 1; a caller's own decision goes before it. */
  readonly sample: number;
  readonly logger: Logger;
  /** Told of spans that never came to the collector. */
  readonly onDropped: (spans: number) => void;
}

/** Ends what `openOtlp` began, its last spans sent where the collector takes them. */
export type CloseOtlp = () => Promise<void>;

/**
 * Sends spans to a collector by OTLP over HTTP, in batches, from a queue that is bounded: what a slow
 * or absent collector does not take is dropped and counted. The packages are the operator's to
 * install; rejects with `RangeError`, naming them, where they are not there.
 */
export async function openOtlp({
  url,
  sample,
  logger,
  onDropped,
}: OtlpOptions): Promise<CloseOtlp> {
  const { sdk, resources, otlp } = await packages();
  diag.setLogger(quiet);
  const endpoint = `${url.replace(/\/+$/, '')}/v1/traces`;
  const exporter = new CountedExporter(
    new otlp.OTLPTraceExporter({ url: endpoint, timeoutMillis: exportTimeoutMs }),
    { onDropped, logger, endpoint: new URL(endpoint).host },
  );
  const batches = new sdk.BatchSpanProcessor(exporter, {
    maxQueueSize: servingLimits.spansQueuedMax,
    maxExportBatchSize: batchSpansMax,
    scheduledDelayMillis: batchDelayMs,
    exportTimeoutMillis: exportTimeoutMs,
  });
  const provider = new sdk.BasicTracerProvider({
    resource: resources.resourceFromAttributes({
      'service.name': 'tickloom',
      'service.version': packageVersion(),
    }),
    sampler: new sdk.ParentBasedSampler({ root: new sdk.TraceIdRatioBasedSampler(sample) }),
    spanProcessors: [
      {
        onStart: () => {},
        onEnd: (span) => {
          if (exporter.take()) batches.onEnd(span);
        },
        forceFlush: () => batches.forceFlush(),
        shutdown: () => batches.shutdown(),
      },
    ],
  });
  trace.setGlobalTracerProvider(provider);
  return async () => {
    trace.disable();
    await Promise.race([provider.shutdown().catch(() => {}), waited(closeWaitMs)]);
  };
}

const batchSpansMax = 512;
const batchDelayMs = 1_000;
const exportTimeoutMs = 10_000;
const closeWaitMs = 2_000;

/** How often at most the log says that a collector takes nothing. */
const complaintMs = 60_000;

interface CountedOptions extends Pick<OtlpOptions, 'onDropped' | 'logger'> {
  /** For the log, without a password. */
  readonly endpoint: string;
}

/** An exporter that counts what it could not deliver, and what is on its way. */
class CountedExporter implements SpanExporter {
  readonly #inner: SpanExporter;
  readonly #options: CountedOptions;
  #waiting = 0;
  #complainedMs = Number.NEGATIVE_INFINITY;

  constructor(inner: SpanExporter, options: CountedOptions) {
    this.#inner = inner;
    this.#options = options;
  }

  /** Whether there is room for one span more. */
  take(): boolean {
    if (this.#waiting >= servingLimits.spansQueuedMax) {
      this.#options.onDropped(1);
      return false;
    }
    this.#waiting += 1;
    return true;
  }

  export(spans: ReadableSpan[], done: Parameters<SpanExporter['export']>[1]): void {
    this.#inner.export(spans, (result) => {
      this.#waiting -= spans.length;
      // Success is 0 in OpenTelemetry's `ExportResultCode`.
      if (result.code !== 0) this.#failed(spans.length, result.error);
      done(result);
    });
  }

  shutdown(): Promise<void> {
    return this.#inner.shutdown();
  }

  forceFlush(): Promise<void> {
    return this.#inner.forceFlush?.() ?? Promise.resolve();
  }

  #failed(spans: number, error: Error | undefined): void {
    const { onDropped, logger, endpoint } = this.#options;
    onDropped(spans);
    const nowMs = performance.now();
    if (nowMs - this.#complainedMs < complaintMs) return;
    this.#complainedMs = nowMs;
    const problem = error?.message ?? 'no reason was given';
    logger.warn({ endpoint, spans, problem }, 'a collector took no traces; they are dropped');
  }
}

async function packages() {
  try {
    const [sdk, resources, otlp] = await Promise.all([
      import('@opentelemetry/sdk-trace-base'),
      import('@opentelemetry/resources'),
      import('@opentelemetry/exporter-trace-otlp-http'),
    ]);
    return { sdk, resources, otlp };
  } catch (error) {
    throw new RangeError(
      '--otlp needs packages that are not installed here: npm install @opentelemetry/sdk-trace-base@2.8 @opentelemetry/resources@2.8 @opentelemetry/exporter-trace-otlp-http@0.219',
      { cause: error },
    );
  }
}

/** What goes wrong is counted and logged here. */
const quiet: DiagLogger = {
  error: () => {},
  warn: () => {},
  info: () => {},
  debug: () => {},
  verbose: () => {},
};

function waited(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });
}
