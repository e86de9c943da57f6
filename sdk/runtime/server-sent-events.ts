export interface ServerSentEvent {
  /** `message` where the stream names none. */
  readonly type: string;
  readonly data: string;
}

/**
 * The events of a `text/event-stream` body, as the HTML standard reads it (without `id` and
 * `retry`, for a frame carries its own cursor): an event that has no data, or is cut off by the end
 * of the stream, is dropped. A comment comes as an event of type `comment`: it is how a silent
 * server shows that it lives.
 */
export async function* readServerSentEvents(
  body: ReadableStream<Uint8Array>,
): AsyncGenerator<ServerSentEvent, undefined, undefined> {
  const { createParser } = await import('eventsource-parser');
  let events: ServerSentEvent[] = [];
  const parser = createParser({
    onEvent: ({ event, data }) => events.push({ type: event ?? 'message', data }),
    onComment: () => events.push({ type: 'comment', data: '' }),
  });
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let endsInCarriageReturn = false;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      const text = done ? '' : decoder.decode(value, { stream: true });
      // The parser waits for what may be a line feed after the CR; at the end none comes.
      if (done && endsInCarriageReturn) parser.feed('\n');
      if (text !== '') endsInCarriageReturn = text.endsWith('\r');
      parser.feed(text);
      yield* events;
      events = [];
      if (done) return;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}
