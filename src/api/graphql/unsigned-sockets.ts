import { EngineError } from '../../../engine/model/errors.ts';
import { servingLimits } from '../../serving-limits.ts';

/**
 * The WebSockets that have not said yet who they are. Anybody can open them, so there are few of
 * them, and fewer from one address.
 */
export class UnsignedSockets {
  #total = 0;
  readonly #byAddress = new Map<string, number>();

  get total(): number {
    return this.#total;
  }

  /** Why one more from there is not taken now; null where it is. */
  refusal(address: string): EngineError | null {
    const { webSocketsUnsignedMax, webSocketsUnsignedPerAddressMax } = servingLimits;
    if ((this.#byAddress.get(address) ?? 0) >= webSocketsUnsignedPerAddressMax) {
      return new EngineError(
        'RATE_LIMITED',
        `${webSocketsUnsignedPerAddressMax} WebSockets from one address may wait to be signed in; send connection_init on those, or try again`,
        {
          retryAfterMs: 1_000,
          details: {
            limit: 'webSocketsUnsignedPerAddressMax',
            max: webSocketsUnsignedPerAddressMax,
          },
        },
      );
    }
    if (this.#total < webSocketsUnsignedMax) return null;
    return new EngineError('OVERLOADED', 'too many WebSockets wait to be signed in; try again', {
      retryAfterMs: 1_000,
      details: { limit: 'webSocketsUnsignedMax', max: webSocketsUnsignedMax },
    });
  }

  /** Returns what is called, once or more, when it has signed in or is closed. */
  add(address: string): () => void {
    this.#total++;
    this.#byAddress.set(address, (this.#byAddress.get(address) ?? 0) + 1);
    let isHere = true;
    return () => {
      if (!isHere) return;
      isHere = false;
      this.#total--;
      const left = (this.#byAddress.get(address) ?? 0) - 1;
      if (left > 0) this.#byAddress.set(address, left);
      else this.#byAddress.delete(address);
    };
  }
}
