import type { Socket } from 'node:net';
import { EngineError } from '../../engine/model/errors.ts';
import { servingLimits } from '../serving-limits.ts';

interface Place {
  /** The address that it counts for while nobody has signed in on it. */
  unsignedOf: string | null;
  /** Requests that have not been answered. */
  running: number;
}

/**
 * The connections of one server. Anybody can open them, so an address has few on which nobody has
 * signed in; and a connection has few requests at a time, though HTTP lets a client send more before
 * it has its answers.
 */
export class ConnectionPlaces {
  #open = 0;
  readonly #unsigned = new Map<string, number>();
  readonly #places = new WeakMap<Socket, Place>();

  /** Gives a connection a place until it closes. Returns why it has none; null where it has. */
  take(socket: Socket): EngineError | null {
    if (this.#places.has(socket)) return null;
    const address = socket.remoteAddress ?? '';
    const refusal = this.#refusal(address);
    if (refusal !== null) return refusal;
    this.#open++;
    this.#unsigned.set(address, (this.#unsigned.get(address) ?? 0) + 1);
    this.#places.set(socket, { unsignedOf: address, running: 0 });
    socket.once('close', () => {
      this.#open--;
      this.signedIn(socket);
    });
    return null;
  }

  /** The connection is known, or has places of another kind, as WebSockets have. */
  signedIn(socket: Socket): void {
    const place = this.#places.get(socket);
    if (place === undefined || place.unsignedOf === null) return;
    const left = (this.#unsigned.get(place.unsignedOf) ?? 0) - 1;
    if (left > 0) this.#unsigned.set(place.unsignedOf, left);
    else this.#unsigned.delete(place.unsignedOf);
    place.unsignedOf = null;
  }

  /** Counts a request; `end` must follow. */
  begin(socket: Socket): void {
    const place = this.#places.get(socket);
    if (place !== undefined) place.running++;
  }

  end(socket: Socket): void {
    const place = this.#places.get(socket);
    if (place !== undefined) place.running--;
  }

  /** Throws `RATE_LIMITED` where more requests of a connection run than may. */
  checkPipeline(socket: Socket): void {
    const max = servingLimits.httpPipelinedMax;
    if ((this.#places.get(socket)?.running ?? 0) <= max) return;
    throw new EngineError(
      'RATE_LIMITED',
      `${max} requests of one connection may wait for their answers; read those first`,
      { retryAfterMs: 1_000, details: { limit: 'httpPipelinedMax', max } },
    );
  }

  /** Whether the head of a request has come that was not answered. */
  isAsked(socket: Socket): boolean {
    return (this.#places.get(socket)?.running ?? 0) > 0;
  }

  #refusal(address: string): EngineError | null {
    const { connectionsMax, connectionsUnsignedPerAddressMax } = servingLimits;
    if (this.#open >= connectionsMax) {
      return new EngineError('OVERLOADED', 'this server has too many connections; try again', {
        retryAfterMs: 1_000,
        details: { limit: 'connectionsMax', max: connectionsMax },
      });
    }
    if ((this.#unsigned.get(address) ?? 0) < connectionsUnsignedPerAddressMax) return null;
    return new EngineError(
      'RATE_LIMITED',
      `one address may have ${connectionsUnsignedPerAddressMax} connections on which nobody has signed in; close some`,
      {
        retryAfterMs: 1_000,
        details: {
          limit: 'connectionsUnsignedPerAddressMax',
          max: connectionsUnsignedPerAddressMax,
        },
      },
    );
  }
}
