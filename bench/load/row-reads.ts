import { Agent, request } from 'node:http';
import { Samples } from '../harness/samples.ts';

/** One GraphQL request again and again over one connection, each after the answer to the one before. */
export class RowReads {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  readonly #url: string;
  readonly #headers: Readonly<Record<string, string | number>>;
  readonly #body: Buffer;
  readonly #expected: string;

  /** `expected`: what each answer has in it. */
  constructor(url: string, token: string, query: string, expected: string) {
    this.#url = `${url}/ashfall/graphql`;
    this.#body = Buffer.from(JSON.stringify({ query }));
    this.#expected = expected;
    this.#headers = {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      'content-length': this.#body.length,
    };
  }

  /** How long each took, in milliseconds. */
  async run(count: number): Promise<Float64Array> {
    const latencies = new Samples();
    for (let sent = 0; sent < count; sent++) {
      const begunMs = performance.now();
      const answer = await this.#once();
      latencies.add(performance.now() - begunMs);
      if (!answer.includes(this.#expected)) throw new Error(`answered ${answer.slice(0, 500)}`);
    }
    return latencies.values();
  }

  end(): void {
    this.#agent.destroy();
  }

  #once(): Promise<string> {
    return new Promise((resolve, reject) => {
      const call = request(this.#url, {
        method: 'POST',
        agent: this.#agent,
        headers: this.#headers,
      });
      call.on('error', reject);
      call.on('response', (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (part: string) => {
          text += part;
        });
        response.on('error', reject);
        response.on('end', () => resolve(text));
      });
      call.end(this.#body);
    });
  }
}
