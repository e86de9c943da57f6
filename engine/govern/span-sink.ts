export type SpanAttributes = Readonly<Record<string, string | number | boolean>>;

/** Where a traced request is told of the parts of its way through the engine. */
export interface SpanSink {
  /** The W3C trace context of the request itself, for what it asks of other processes. */
  readonly traceparent: string;
  /** A part that is over. Times are of the monotonic clock (`performance.now()`), in milliseconds. */
  add(name: string, startedMs: number, endedMs: number, attributes?: SpanAttributes): void;
}
