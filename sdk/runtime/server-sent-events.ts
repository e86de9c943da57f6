export interface ServerSentEvent {
  /** `message` where the stream names none. */
  readonly type: string;
  readonly data: string;
}

/**
 * The events of a `text/event-stream` body, as the HTML standard reads it (without `id` and
 * `retry`, for a frame carries its own cursor). A comment comes as an event of type `comment`: it
 * is how a silent server shows that it lives. An event cut off by the end of the stream is dropped.
 */
export async function* readServerSentEvents(
  body: ReadableStream<Uint8Array>,
): AsyncGenerator<ServerSentEvent, undefined, undefined> {
  let type = '';
  let data: string[] = [];
  for await (const line of readLines(body)) {
    if (line === '') {
      if (data.length > 0 || type !== '') yield { type: type || 'message', data: data.join('\n') };
      type = '';
      data = [];
    } else if (line.startsWith(':')) {
      yield { type: 'comment', data: '' };
    } else {
      const colon = line.indexOf(':');
      const field = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
      if (field === 'event') type = value;
      else if (field === 'data') data.push(value);
    }
  }
}

/** Lines may end in LF, CR LF or CR; a CR LF may be split over two chunks. */
async function* readLines(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let partial = '';
  let afterCarriageReturn = false;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const text = decoder.decode(value, { stream: true });
      if (text === '') continue;
      // The CR has ended the line already; this LF is its other half.
      partial += afterCarriageReturn && text.startsWith('\n') ? text.slice(1) : text;
      afterCarriageReturn = text.endsWith('\r');
      const lines = partial.split(/\r\n|\n|\r/);
      partial = lines.pop() ?? '';
      yield* lines;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}
