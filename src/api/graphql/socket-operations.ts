import { servingLimits } from '../../serving-limits.ts';

interface Running<Operation> {
  /** The client's. */
  readonly id: string;
  readonly operation: Operation;
}

/**
 * The operations of one WebSocket, by the payload that asked for each: the protocol hands the same
 * object to every call about it. One that its client has completed has left its place, though it
 * may take a while to end. With those that are ending there are twice as many as have a place.
 */
export class SocketOperations<Operation extends { abandon(): void }> {
  readonly #running = new Map<object, Running<Operation>>();
  readonly #ending = new Map<object, Operation>();

  get hasRoom(): boolean {
    const max = servingLimits.webSocketOperationsMax;
    return this.#running.size < max && this.#running.size + this.#ending.size < 2 * max;
  }

  begin(id: string, payload: object, operation: Operation): void {
    this.#running.set(payload, { id, operation });
  }

  find(payload: object): Operation | undefined {
    return this.#running.get(payload)?.operation ?? this.#ending.get(payload);
  }

  /** Ends an operation; may be called for one that never began, or has ended before, too. */
  end(payload: object): void {
    this.#running.get(payload)?.operation.abandon();
    this.#running.delete(payload);
    this.#ending.delete(payload);
  }

  /** Abandons those that their client has completed: the protocol then knows their ids no more. */
  leave(isKnown: (id: string) => boolean): void {
    for (const [payload, { id, operation }] of this.#running) {
      if (isKnown(id)) continue;
      operation.abandon();
      this.#running.delete(payload);
      this.#ending.set(payload, operation);
    }
  }

  /** The operations that their client has not completed. */
  running(): Operation[] {
    return [...this.#running.values()].map(({ operation }) => operation);
  }

  abandon(): void {
    for (const { operation } of this.#running.values()) operation.abandon();
    this.#running.clear();
  }
}
