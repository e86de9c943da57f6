import { createHash, hash as hashAtOnce } from 'node:crypto';
import type { ChangeSet } from '../state/change-set.ts';
import { isNullThroughout, vectorBuffers } from '../vectors/vector-bytes.ts';

/**
 * The next link of a session's chain: SHA-256 over the link before, the batch's content, the
 * verdicts, and every changed row of state tables with its version. The session's name, positions
 * and times are not in it, so the same match played into two sessions gives the same chain. Nor are
 * columns without a value: replayed under a later manifest, which has more of them, a tick gives
 * the same link.
 */
export function hashTick(
  previous: Uint8Array,
  contentDigest: Uint8Array,
  verdicts: Uint8Array,
  changes: ChangeSet,
): Uint8Array {
  if (changes.states.length === 0) {
    // One call in place of five: a tick that only logs has little to hash.
    return hashAtOnce('sha256', Buffer.concat([previous, contentDigest, verdicts]), 'buffer');
  }
  const hash = createHash('sha256').update(previous).update(contentDigest).update(verdicts);
  for (const state of changes.states) {
    hash.update(`${state.table.name}\0${state.length}\0`);
    hash.update(state.kinds).update(bytesOf(state.versions));
    for (const vector of state.after.vectors) {
      if (vector.column.name === 'sessionId' || isNullThroughout(vector)) continue;
      hash.update(`${vector.column.name}\0`);
      for (const buffer of vectorBuffers(vector)) hash.update(buffer);
    }
  }
  return hash.digest();
}

function bytesOf(values: Uint32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
