/** A recording that is not what the format says: where, and what should have stood there. */
export class ReplayError extends Error {
  override readonly name = 'ReplayError';
  /** Bytes from the start of the part that was being read (`part`). */
  readonly offset: number;
  readonly expected: string;
  readonly part: ReplayPart;

  constructor(part: ReplayPart, offset: number, expected: string, found: string, cause?: unknown) {
    super(
      `malformed recording: at byte ${offset} of the ${part}, expected ${expected}, found ${found}`,
      cause === undefined ? undefined : { cause },
    );
    this.part = part;
    this.offset = offset;
    this.expected = expected;
  }
}

/** The `file` as stored, or the `replay` inside it once it is decompressed. */
export type ReplayPart = 'file' | 'replay';
