import {
  type Context,
  type HrTime,
  type Span,
  SpanStatusCode,
  type Tracer,
} from '@opentelemetry/api';
import type { SpanAttributes, SpanSink } from '../../engine/index.ts';

/**
 * The span of one request, and those of its parts below it. Times come from the monotonic clock; one
 * reading of the other, as the request begins, makes them times of day, so that parts do not overlap.
 */
export class RequestSpan implements SpanSink {
  readonly #tracer: Tracer;
  readonly #span: Span;
  readonly #inside: Context;
  readonly #originMs: number;
  #isOver = false;

  /**
   * `inside`: the context whose span is this one; `originMs`: Unix milliseconds at which the monotonic
   * clock stood at 0.
   */
  constructor(tracer: Tracer, span: Span, inside: Context, originMs: number) {
    this.#tracer = tracer;
    this.#span = span;
    this.#inside = inside;
    this.#originMs = originMs;
  }

  get traceparent(): string {
    const { traceId, spanId, traceFlags } = this.#span.spanContext();
    return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
  }

  add(name: string, startedMs: number, endedMs: number, attributes: SpanAttributes = {}): void {
    const startTime = timeAt(this.#originMs + startedMs);
    const part = this.#tracer.startSpan(name, { startTime, attributes }, this.#inside);
    part.end(timeAt(this.#originMs + endedMs));
  }

  tell(attributes: SpanAttributes): void {
    this.#span.setAttributes(attributes);
  }

  /** Ends the request's span; once. `code` is what it failed with. */
  end(name: string | null, code: string | null): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (name !== null) this.#span.updateName(name);
    if (code !== null) {
      this.#span.setAttribute('tickloom.code', code);
      this.#span.setStatus({ code: SpanStatusCode.ERROR, message: code });
    }
    this.#span.end(timeAt(this.#originMs + performance.now()));
  }
}

/** Unix milliseconds as OpenTelemetry's seconds and nanoseconds. */
export function timeAt(unixMs: number): HrTime {
  const seconds = Math.floor(unixMs / 1_000);
  return [seconds, Math.round((unixMs - seconds * 1_000) * 1_000_000)];
}
