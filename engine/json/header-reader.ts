import type { TickHeader } from '../tick/tick-batch.ts';
import type { JsonCursor } from './json-cursor.ts';
import { notTaken } from './not-taken.ts';
import type { Member, NamedMember } from './object-reader.ts';

/** Reads what comes with a tick beside its rows. */
export class HeaderReader {
  readonly members: readonly NamedMember[] = [
    named('sessionId', true, (json) => {
      this.#sessionId = readName(json);
      this.sessionFrom = json.from;
      this.sessionTo = json.to;
    }),
    named('tick', true, (json) => {
      this.#tick = readTick(json);
    }),
    named('fence', false, (json) => {
      if (!json.isNull()) this.#fence = json.int();
    }),
    named('idempotencyKey', false, (json) => {
      if (!json.isNull()) this.#idempotencyKey = readName(json);
    }),
    named('afterTick', false, (json) => {
      if (!json.isNull()) this.#afterTick = readTick(json);
    }),
    named('onConflict', false, (json) => {
      if (!json.isNull()) this.#onConflict = readPolicy(json);
    }),
  ];
  /** Where the session's name stands. */
  sessionFrom = 0;
  sessionTo = 0;
  #sessionId = '';
  #tick = 0;
  #fence: number | null = null;
  #idempotencyKey: string | null = null;
  #afterTick: number | null = null;
  #onConflict: TickHeader['onConflict'] = 'REJECT_ACTION';

  /** Another tick begins. */
  clear(): void {
    this.#fence = null;
    this.#idempotencyKey = null;
    this.#afterTick = null;
    this.#onConflict = 'REJECT_ACTION';
  }

  header(): TickHeader {
    return {
      sessionId: this.#sessionId,
      tick: this.#tick,
      fence: this.#fence,
      idempotencyKey: this.#idempotencyKey,
      onConflict: this.#onConflict,
      afterTick: this.#afterTick,
    };
  }
}

function named(name: string, required: boolean, read: (json: JsonCursor) => void): NamedMember {
  const member: Member = {
    read: (json) => {
      json.peek();
      read(json);
    },
  };
  return { name, required, member };
}

/** A short text. That its characters are allowed is checked on the batch. */
function readName(json: JsonCursor): string {
  json.plainText();
  if (json.to - json.from > 128) throw notTaken;
  return json.textValue();
}

function readTick(json: JsonCursor): number {
  const tick = json.int();
  if (tick < 0) throw notTaken;
  return tick;
}

function readPolicy(json: JsonCursor): TickHeader['onConflict'] {
  const policy = readName(json);
  if (policy === 'REJECT_ACTION' || policy === 'ABORT_TICK') return policy;
  throw notTaken;
}
