import type { Event } from './frame-socket.ts';

/** The `next` events of a response until `complete`, as subscriptions to `matchPulseChanges`. */
export async function* readEvents(response: Response): AsyncGenerator<Event> {
  if (response.body === null) throw new Error('no body');
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of response.body) {
    text += decoder.decode(chunk, { stream: true });
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const block = text.slice(0, end);
      text = text.slice(end + 2);
      if (block.startsWith('event: complete')) return;
      const data = /^data: (.*)$/m.exec(block)?.[1];
      if (data === undefined) continue;
      const payload = JSON.parse(data);
      const id = /^id: (.*)$/m.exec(block)?.[1];
      yield { ...payload, id, frame: payload.data?.matchPulseChanges };
    }
  }
}
