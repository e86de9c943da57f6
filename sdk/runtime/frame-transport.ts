/** A subscription as it is sent; `variables.cursor` says where to resume. */
export interface SubscribeRequest {
  readonly name: string;
  readonly document: string;
  readonly field: string;
  readonly variables: Readonly<Record<string, unknown>>;
}

/**
 * One run of a subscription over one connection. Yields the field's raw frames; ends when the
 * server completes it or when this side cannot keep up; throws `TickloomError`. Whoever reads it
 * resumes from the last cursor. Aborting the signal ends it and frees the connection.
 */
export interface FrameTransport {
  frames(request: SubscribeRequest, signal: AbortSignal): AsyncIterable<unknown>;
}
