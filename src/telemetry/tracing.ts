import {
  context,
  isSpanContextValid,
  ProxyTracerProvider,
  ROOT_CONTEXT,
  SpanKind,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import type { SpanAttributes } from '../../engine/index.ts';
import { RequestSpan, timeAt } from './request-span.ts';

/** What a request's span begins with. */
export interface SpanOrigin {
  readonly name: string;
  /** The W3C trace context that the request came with, checked; null: it begins a trace. */
  readonly traceparent: string | null;
  readonly attributes: SpanAttributes;
}

/** Makes the spans of requests. Where nobody takes traces there is none of it, and nothing is spent. */
export class Tracing {
  readonly #tracer: Tracer;

  constructor(tracer: Tracer) {
    this.#tracer = tracer;
  }

  /**
   * Tracing by the provider that this process has registered with OpenTelemetry's API, by `--otlp` or
   * by a module of the operator's own (`node --import`); null: none.
   */
  static ofProcess(): Tracing | null {
    const provider = trace.getTracerProvider();
    const isNone =
      provider instanceof ProxyTracerProvider &&
      provider.getDelegate() === new ProxyTracerProvider().getDelegate();
    return isNone ? null : new Tracing(provider.getTracer('tickloom'));
  }

  /** Null: the trace is not sampled. */
  begin({ name, traceparent, attributes }: SpanOrigin): RequestSpan | null {
    const outside = contextOf(traceparent);
    const kind = SpanKind.SERVER;
    const originMs = Date.now() - performance.now();
    const startTime = timeAt(originMs + performance.now());
    const span = this.#tracer.startSpan(name, { kind, startTime, attributes }, outside);
    if (!span.isRecording()) return null;
    return new RequestSpan(this.#tracer, span, trace.setSpan(outside, span), originMs);
  }
}

function contextOf(traceparent: string | null): typeof ROOT_CONTEXT {
  const [, traceId = '', spanId = '', flags = '0'] = traceparent?.split('-') ?? [];
  const remote = { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true };
  if (!isSpanContextValid(remote)) return context.active();
  return trace.setSpanContext(ROOT_CONTEXT, remote);
}
