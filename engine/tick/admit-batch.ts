import type { ErrorCode } from '../model/errors.ts';
import type { SessionState } from '../state/session.ts';
import type { LedgerEntry } from '../state/tick-ledger.ts';
import type { TickHeader } from './tick-batch.ts';

export type Admission =
  | { readonly kind: 'apply' }
  | { readonly kind: 'duplicate'; readonly entry: LedgerEntry }
  | {
      readonly kind: 'refuse';
      readonly code: ErrorCode;
      readonly message: string;
      readonly details: Readonly<Record<string, unknown>>;
    };

/**
 * Whether a batch may be applied to its session, in the documented precedence: idempotency, then
 * fence, then order. A pure function of the applied log, so every replay decides alike. `apply`,
 * `duplicate` by a default key, and refusals for fence and order never change back, which lets the
 * engine answer them early, before they cost a record.
 */
export function admitBatch(
  session: SessionState,
  header: TickHeader,
  digest: Uint8Array,
): Admission {
  const entry = session.ledger.find(header.idempotencyKey, header.tick);
  if (entry && Buffer.compare(entry.digest, digest) === 0) return { kind: 'duplicate', entry };
  if (header.tick === null) return entry ? mismatch(header) : { kind: 'apply' };
  return admitFence(session, header) ?? (entry ? mismatch(header) : admitOrder(session, header));
}

function mismatch(header: TickHeader): Admission {
  const key = header.idempotencyKey ?? `${header.sessionId} tick ${header.tick}`;
  return {
    kind: 'refuse',
    code: 'IDEMPOTENCY_MISMATCH',
    message: `"${key}" was committed before with other content`,
    details: { idempotencyKey: header.idempotencyKey, tick: header.tick },
  };
}

function admitFence(session: SessionState, header: TickHeader): Admission | null {
  const details = { sessionId: session.sessionId, fence: header.fence, current: session.fence };
  const refuse = (message: string): Admission => ({
    kind: 'refuse',
    code: 'FENCED',
    message,
    details,
  });
  if (!session.open) {
    return refuse(`session "${session.sessionId}" is closed until it is opened with takeOver`);
  }
  if (header.fence === session.fence) return null;
  if (header.fence !== null) {
    return refuse(`fence ${header.fence} is not the session's, which is ${session.fence}`);
  }
  if (session.fence === 1) return null;
  return refuse(
    `session "${session.sessionId}" was taken over: a writer must name its fence from now on`,
  );
}

function admitOrder(session: SessionState, header: TickHeader): Admission {
  const tick = header.tick as number;
  const { lastTick } = session;
  const details = { sessionId: session.sessionId, tick, lastTick };
  if (lastTick !== null && tick <= lastTick) {
    return {
      kind: 'refuse',
      code: 'TICK_OUT_OF_ORDER',
      message: `tick ${tick} is not after the session's last, ${lastTick}`,
      details,
    };
  }
  const { afterTick } = header;
  if (afterTick === null || afterTick === lastTick) return { kind: 'apply' };
  if (afterTick === session.abortedTick) {
    return {
      kind: 'refuse',
      code: 'TICK_ABORTED',
      message: `tick ${afterTick}, which tick ${tick} follows, was aborted`,
      details: { ...details, afterTick },
    };
  }
  return {
    kind: 'refuse',
    code: 'TICK_OUT_OF_ORDER',
    message: `tick ${tick} follows ${afterTick}, but the session's last is ${lastTick ?? 'none'}`,
    details: { ...details, afterTick },
  };
}
