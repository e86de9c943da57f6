import { EngineError } from '../../../engine/model/errors.ts';
import { servingLimits } from '../../serving-limits.ts';
import { UnsignedSockets } from './unsigned-sockets.ts';

/** How many WebSockets are open on a server, of all its titles. */
export class SocketPlaces {
  readonly unsigned = new UnsignedSockets();
  #taken = 0;

  /** Why a WebSocket from this address is not opened now; null where it is. */
  refusal(address: string): EngineError | null {
    const max = servingLimits.webSocketsMax;
    if (this.#taken < max) return this.unsigned.refusal(address);
    return new EngineError('OVERLOADED', `this server has ${max} WebSockets open; try again`, {
      retryAfterMs: 1_000,
      details: { limit: 'webSocketsMax', max },
    });
  }

  /** Returns what is called, once, when the WebSocket is closed. */
  occupy(): () => void {
    this.#taken++;
    return () => this.#taken--;
  }
}
