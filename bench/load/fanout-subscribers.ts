import { WebSocket } from 'ws';
import { Samples } from '../harness/samples.ts';
import {
  epochMs,
  type FanoutConfig,
  type FanoutResult,
  type FromSubscribers,
  type ToSubscribers,
} from './fanout-config.ts';

/**
 * A process that holds many subscribers and looks at no more of a message than its match and tick, so that it
 * does not slow down the server beside it.
 */
class Subscribers {
  readonly #sockets: WebSocket[] = [];
  #arrivals = new Map<string, Samples>();
  #frames = 0;
  #sample = '';
  #cpu = process.cpuUsage();

  async open(config: FanoutConfig): Promise<void> {
    for (let begun = 0; begun < config.sockets; begun += openedAtOnce) {
      const count = Math.min(openedAtOnce, config.sockets - begun);
      await Promise.all(Array.from({ length: count }, () => this.#openOne(config)));
    }
  }

  measure(): void {
    this.#arrivals = new Map();
    this.#frames = 0;
    this.#cpu = process.cpuUsage();
  }

  result(): FanoutResult {
    const { user, system } = process.cpuUsage(this.#cpu);
    const arrivals = [...this.#arrivals].map(([of, at]) => ({ of, atMs: at.values() }));
    return {
      frames: this.#frames,
      arrivals,
      sample: this.#sample,
      cpuSeconds: (user + system) / 1e6,
    };
  }

  #openOne({ url, authorization, query, variables }: FanoutConfig): Promise<void> {
    const own = variables[this.#sockets.length % variables.length];
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(url, 'graphql-transport-ws', { perMessageDeflate: false });
      this.#sockets.push(socket);
      socket.once('error', reject);
      socket.once('close', (code) => reject(new Error(`a socket was closed with ${code}`)));
      socket.once('open', () => {
        if (authorization === null) resolve();
        else socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization } }));
      });
      socket.on('message', (data: Buffer) => {
        if (data.includes(nextMark)) {
          resolve();
          this.#receive(data);
        } else if (data.includes(acceptedMark)) {
          socket.send(
            JSON.stringify({ id: '1', type: 'subscribe', payload: { query, variables: own } }),
          );
        } else if (!data.includes('"ping"')) {
          reject(new Error(String(data)));
        }
      });
    });
  }

  #receive(data: Buffer): void {
    const at = data.indexOf(tickMark);
    if (at < 0) return;
    const tick = Number.parseInt(data.toString('latin1', at + tickMark.length, at + 24), 10);
    if (Number.isNaN(tick)) return;
    this.#frames += 1;
    if (this.#sample === '') this.#sample = String(data);
    const session = data.indexOf(sessionMark) + sessionMark.length;
    const of = `${data.toString('latin1', session, data.indexOf('"', session))} ${tick}`;
    const samples = this.#arrivals.get(of) ?? new Samples();
    this.#arrivals.set(of, samples);
    samples.add(epochMs());
  }
}

const openedAtOnce = 50;
const nextMark = '"type":"next"';
const acceptedMark = '"connection_ack"';
const tickMark = '"tick":';
const sessionMark = '"sessionId":"';

const subscribers = new Subscribers();

async function obey(message: ToSubscribers): Promise<FromSubscribers> {
  switch (message.kind) {
    case 'open':
      await subscribers.open(message.config);
      return { kind: 'ready' };
    case 'measure':
      subscribers.measure();
      return { kind: 'ready' };
    case 'result':
      return { kind: 'result', result: subscribers.result() };
  }
}

process.on('message', (message: ToSubscribers) => {
  obey(message).then(
    (answer) => process.send?.(answer),
    (error: Error) => process.send?.({ kind: 'failed', message: error.message }),
  );
});
process.on('disconnect', () => process.exit());
