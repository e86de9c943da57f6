import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { type Attack, type AttackName, attackedMatch, type ToAttacker } from './attack-config.ts';

/** A process that attacks a server as one of its players, or as nobody, until it is told to stop. */
class Attacker {
  readonly #attack: Attack;
  readonly #codes = new Map<string, number>();
  readonly #stop = new AbortController();
  readonly #sockets = new Set<WebSocket>();
  readonly #lanes: Promise<void>[];

  constructor(attack: Attack) {
    this.#attack = attack;
    this.#lanes = Array.from({ length: attack.lanes }, () => this.#lane());
  }

  async end(): Promise<object> {
    this.#stop.abort();
    for (const socket of this.#sockets) socket.terminate();
    await Promise.all(this.#lanes);
    const answers = [...this.#codes.values()].reduce((sum, count) => sum + count, 0);
    return { kind: 'result', answers, codes: Object.fromEntries(this.#codes) };
  }

  async #lane(): Promise<void> {
    const way = ways[this.#attack.name];
    while (!this.#stop.signal.aborted) {
      try {
        if (way.kind === 'request') await this.#request(way.body());
        else await this.#socket(way.kind === 'subscriptions');
      } catch (error) {
        if (this.#stop.signal.aborted) return;
        this.#count((error as NodeJS.ErrnoException).code ?? 'CONNECTION_FAILED');
        // A server that refuses connections is asked again, as an attacker would.
        await sleep(10);
      }
    }
  }

  async #request(body: string): Promise<void> {
    const { url, authorization } = this.#attack;
    const response = await fetch(`${url}/ashfall/graphql`, {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/json' },
      body,
      signal: this.#stop.signal,
    });
    const answer = (await response.json()) as { readonly errors?: readonly Refusal[] };
    this.#count(codeOf(answer.errors));
  }

  /** Holds a socket for as long as the server lets it, with as many subscriptions as it takes. */
  async #socket(signsIn: boolean): Promise<void> {
    const { url, authorization } = this.#attack;
    const address = `${url.replace('http', 'ws')}/ashfall/graphql`;
    const socket = new WebSocket(address, 'graphql-transport-ws', { perMessageDeflate: false });
    this.#sockets.add(socket);
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    let isOpen = false;
    socket.on('error', () => {
      if (!this.#stop.signal.aborted) this.#count(isOpen ? 'BROKEN' : 'REFUSED');
    });
    socket.on('open', () => {
      isOpen = true;
      if (signsIn) {
        socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization } }));
      } else {
        this.#count('OK');
        // As much as a server takes of who has not signed in.
        socket.send(Buffer.alloc(24 * 1024 * 1024, ' '), { fin: false });
      }
    });
    socket.on('message', (data) => this.#hear(socket, JSON.parse(String(data)) as Message));
    await closed;
    this.#sockets.delete(socket);
    if (isOpen && !this.#stop.signal.aborted) this.#count('CLOSED');
  }

  #hear(socket: WebSocket, { type, payload }: Message): void {
    if (type === 'connection_ack') {
      for (let i = 0; i < subscriptionsASocket; i++) {
        const variables = { where: costlyWhere(20, i) };
        socket.send(
          JSON.stringify({ id: `${i}`, type: 'subscribe', payload: { query: changes, variables } }),
        );
      }
    } else if (type === 'next') this.#count('OK');
    else if (type === 'error') this.#count(codeOf(payload as readonly Refusal[]));
  }

  #count(code: string): void {
    this.#codes.set(code, (this.#codes.get(code) ?? 0) + 1);
  }
}

interface Refusal {
  readonly extensions?: { readonly code?: string };
}

interface Message {
  readonly type: string;
  readonly payload?: unknown;
}

type Way =
  | { readonly kind: 'request'; body(): string }
  | { readonly kind: 'subscriptions' | 'sockets' };

const subscriptionsASocket = 200;
const units = `query Units($where: UnitStateWhere, $orderBy: [UnitStateOrder!]) {
  unitStateList(where: $where, orderBy: $orderBy, first: 2) { nodes { unitId } }
}`;
const changes =
  'subscription Units($where: UnitStateWhere) { unitStateChanges(where: $where) { kind rows { unitId } } }';

/** So many long patterns, no two alike; `salt` keeps one request's from another's. */
function costlyWhere(likes: number, salt: number): object {
  return {
    sessionId: { eq: attackedMatch },
    or: Array.from({ length: likes }, (_, i) => ({
      blueprint: { like: `%${'a_'.repeat(50)}${salt}-${i}%` },
    })),
  };
}

function list(count: number, part: (index: number) => string): string {
  return Array.from({ length: count }, (_, i) => part(i)).join(' ');
}

function request(query: string, variables: object): Way {
  const body = JSON.stringify({ query, variables });
  return { kind: 'request', body: () => body };
}

const aliases = list(
  200,
  (i) => `a${i}: unitStateList(where: $where, first: 1) { nodes { unitId } }`,
);

const ways: { readonly [Name in AttackName]: Way } = {
  'costly conditions': request(units, { where: costlyWhere(900, 0) }),
  'long lists of values': request(units, {
    where: { targetUnitId: { in: Array.from({ length: 9_900 }, (_, i) => 1_000_000 + i) } },
  }),
  'aliases of a scan': request(`query Many($where: UnitStateWhere) { ${aliases} }`, {
    where: costlyWhere(10, 0),
  }),
  'orderBy of 500,000': request(units, {
    orderBy: Array.from({ length: 500_000 }, () => ({ column: 'unitId' })),
  }),
  'costly subscriptions': { kind: 'subscriptions' },
  'unsigned sockets': { kind: 'sockets' },
  'huge documents': request(
    `{ __typename ${list(20_000, (i) => `@d${i}`)} ${list(40_000, (i) => `u${i}`)} }`,
    {},
  ),
};

function codeOf(errors: readonly Refusal[] | undefined): string {
  return errors === undefined ? 'OK' : (errors[0]?.extensions?.code ?? 'UNKNOWN');
}

process.on('disconnect', () => process.exit());
const [message] = (await once(process, 'message')) as [ToAttacker];
if (message.kind === 'begin') {
  const attacker = new Attacker(message.attack);
  process.send?.({ kind: 'begun' });
  await once(process, 'message');
  process.send?.(await attacker.end());
}
