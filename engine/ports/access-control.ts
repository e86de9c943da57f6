import type { Roles } from '../access/roles-in-force.ts';
import type { AccessPatch, Revocation } from '../access/ruling.ts';
import type { Ticket } from '../govern/ticket.ts';
import type { Lsn } from '../model/position.ts';

/**
 * Who may do what in a title, as its log has it: the manifest's roles, what was ruled over them, and
 * whose tokens are good for nothing. Decisions are made before a record is appended, by whoever appends.
 */
export interface AccessControl {
  /** The roles in force, by name. A role that did not change is the same object as before. */
  readonly roles: Roles;
  /** The position of the newest change of roles; 0: they are the manifest's. */
  readonly lsn: Lsn;
  /** What was ruled under an earlier manifest and does not fit this one, by role. */
  readonly misfits: readonly string[];
  /**
   * Changes whenever another decision may be due: when a ruling is appended, and when it is in force
   * or has failed. One who has decided need not decide again while it is the same.
   */
  readonly version: number;
  /**
   * All the roles that a record appended now must be allowed by: those in force, and those of a change
   * on its way, which the record would come after.
   */
  readonly rolesToMeet: readonly Roles[];

  /** Whether a token issued then is good for nothing; null: it does not say when. */
  isRevoked(subject: string, issuedAtMs: number | null): boolean;
  /** The oldest first. */
  revocations(): readonly Revocation[];
  /** Calls back once a ruling is in force. Returns how to call it off. */
  onChange(listen: () => void): () => void;

  /**
   * Changes roles, at one position: resolves once it is in force, when every record that was allowed by
   * the roles before has been applied or refused. The patch must be valid (`planAccess`). Rejects with
   * `FENCED` where roles have changed since `after`, or are about to.
   */
  change(ticket: Ticket, patch: AccessPatch, after: Lsn, by: string): Promise<Lsn>;
  /** Revokes all tokens of the subject that were issued until now. Rejects with `LIMIT_EXCEEDED`. */
  revoke(ticket: Ticket, subject: string, reason: string | null, by: string): Promise<Revocation>;
  /** Takes that back. Rejects with `NOT_FOUND`. */
  unrevoke(ticket: Ticket, subject: string, by: string): Promise<Lsn>;
}
