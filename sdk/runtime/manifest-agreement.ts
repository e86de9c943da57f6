import { isRecord, type TickloomError } from './errors.ts';
import type { TitleDescriptor } from './title.ts';
import { misfitError, misfits } from './title-fit.ts';

/**
 * Which manifest client and server agree on. The client names the one that it was generated from; a
 * server of another refuses, before it does anything, and says what it has. Where that fits, the
 * client names the server's from then on, until that changes again.
 */
export class ManifestAgreement {
  readonly #descriptor: TitleDescriptor;
  #hash: string | null;

  constructor(descriptor: TitleDescriptor) {
    this.#descriptor = descriptor;
    this.#hash = descriptor.manifest ?? null;
  }

  /** What requests name; null where the code was generated without it, and nothing is checked. */
  get hash(): string | null {
    return this.#hash;
  }

  /**
   * Whether a refused request may be sent again, as the server's manifest fits. Throws
   * `SCHEMA_MISMATCH` with what differs where it does not.
   */
  reachedBy({ code, details }: TickloomError): boolean {
    const { manifest, served } = details;
    if (code !== 'SCHEMA_MISMATCH' || typeof manifest !== 'string' || !isDescriptor(served)) {
      return false;
    }
    if (manifest === this.#hash) return false;
    const differences = misfits(this.#descriptor, served);
    if (differences.length > 0) throw misfitError(this.#descriptor.title, differences);
    this.#hash = manifest;
    return true;
  }
}

function isDescriptor(value: unknown): value is TitleDescriptor {
  return isRecord(value) && isRecord(value.tables) && isRecord(value.views);
}
