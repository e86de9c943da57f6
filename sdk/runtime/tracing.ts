/** What this client needs of OpenTelemetry's `Tracer`; `trace.getTracer('my-game')` is one. */
export interface Tracer {
  startSpan(
    name: string,
    options?: { readonly kind?: number; readonly attributes?: Record<string, string | number> },
  ): TracedSpan;
}

/** What this client needs of OpenTelemetry's `Span`. */
export interface TracedSpan {
  spanContext(): { readonly traceId: string; readonly spanId: string; readonly traceFlags: number };
  setAttribute(name: string, value: string | number): unknown;
  setStatus(status: { readonly code: number; readonly message?: string }): unknown;
  end(): void;
}

/** `SpanKind.CLIENT` and `SpanStatusCode.ERROR` of OpenTelemetry. */
const clientKind = 2;
const errorStatus = 2;

/**
 * Runs a request within a span of its own, a child of whichever is active; the server's spans hang
 * below it. Without a tracer it only runs it.
 */
export async function traced<Result>(
  tracer: Tracer | undefined,
  name: string,
  run: (headers: Readonly<Record<string, string>>) => Promise<Result>,
): Promise<Result> {
  if (tracer === undefined) return run({});
  const attributes = { 'tickloom.operation': name };
  const span = tracer.startSpan(`tickloom ${name}`, { kind: clientKind, attributes });
  try {
    return await run({ traceparent: traceparentOf(span) });
  } catch (error) {
    const { code = 'UNKNOWN' } = error as { readonly code?: string };
    span.setAttribute('tickloom.code', code);
    span.setStatus({ code: errorStatus, message: code });
    throw error;
  } finally {
    span.end();
  }
}

/** As W3C Trace Context writes it. */
function traceparentOf(span: TracedSpan): string {
  const { traceId, spanId, traceFlags } = span.spanContext();
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
}
