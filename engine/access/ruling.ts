import type { RoleDefinition } from '../model/types.ts';

/**
 * What somebody ruled about access while the title ran: a record of the log beside ticks and sessions.
 * It holds from its position on, is replayed, and no tick reads it: `apply` and the state hashes are
 * the same without it.
 */
export type RulingRecord = AccessRecord | RevokeRecord | UnrevokeRecord;

interface Ruled {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** The subject of who ruled it. */
  readonly by: string;
}

/** Roles as they are from here on, each whole; those that it does not name stay as they were. */
export interface AccessRecord extends Ruled, AccessPatch {
  readonly type: 'access';
  /** The position of the change that this one was decided against; after another it is refused. */
  readonly after: number;
}

export interface AccessPatch {
  readonly set: readonly RoleDefinition[];
  /** Roles that there are no more, whatever the manifest says. */
  readonly remove: readonly string[];
  /** Roles that are as the manifest says again. */
  readonly follow: readonly string[];
}

/** Tokens of the subject that were issued before `from` are good for nothing in this title. */
export interface RevokeRecord extends Ruled {
  readonly type: 'revoke';
  readonly subject: string;
  readonly from: number;
  readonly reason: string | null;
}

/** Takes a revocation back. */
export interface UnrevokeRecord extends Ruled {
  readonly type: 'unrevoke';
  readonly subject: string;
}

export type Revocation = Omit<RevokeRecord, 'type'> & {
  /** Its position. */
  readonly lsn: number;
};

/** What all rulings so far come to, as a checkpoint keeps it. */
export interface RulingsState {
  /** The position of the newest change of roles; 0: there was none. */
  readonly accessLsn: number;
  /** Roles that differ from the manifest's, by name; null: removed. */
  readonly roles: readonly (readonly [name: string, role: RoleDefinition | null])[];
  readonly revocations: readonly Revocation[];
}

/** The rulings of a log folded, record by record. */
export class Rulings {
  #accessLsn = 0;
  readonly #roles = new Map<string, RoleDefinition | null>();
  readonly #revocations = new Map<string, Revocation>();
  /** Called once each record that ruled something is folded in. */
  onRuled: () => void = () => {};

  get accessLsn(): number {
    return this.#accessLsn;
  }

  /** What stands in the place of the manifest's roles; null: no such role. */
  get roles(): ReadonlyMap<string, RoleDefinition | null> {
    return this.#roles;
  }

  get revocations(): ReadonlyMap<string, Revocation> {
    return this.#revocations;
  }

  /** False: it was decided against roles that have changed since, and rules nothing. */
  settle(lsn: number, record: RulingRecord): boolean {
    switch (record.type) {
      case 'access':
        if (record.after !== this.#accessLsn) return false;
        patchRoles(this.#roles, record);
        this.#accessLsn = lsn;
        break;
      case 'revoke': {
        const { type: _, ...revocation } = record;
        // The newest last, as in the log.
        this.#revocations.delete(record.subject);
        this.#revocations.set(record.subject, { ...revocation, lsn });
        break;
      }
      case 'unrevoke':
        this.#revocations.delete(record.subject);
    }
    this.onRuled();
    return true;
  }

  /** Null: nothing was ever ruled, or all of it was taken back. */
  state(): RulingsState | null {
    if (this.#accessLsn === 0 && this.#revocations.size === 0) return null;
    return {
      accessLsn: this.#accessLsn,
      roles: [...this.#roles],
      revocations: [...this.#revocations.values()],
    };
  }

  /** Goes on from a checkpoint, before any record. */
  restore({ accessLsn, roles, revocations }: RulingsState): void {
    this.#accessLsn = accessLsn;
    for (const [name, role] of roles) this.#roles.set(name, role);
    for (const revocation of revocations) this.#revocations.set(revocation.subject, revocation);
  }
}

/** What stands in the place of the manifest's roles once they are patched. */
export function patchRoles(
  roles: Map<string, RoleDefinition | null>,
  { set, remove, follow }: AccessPatch,
): void {
  for (const name of follow) roles.delete(name);
  for (const name of remove) roles.set(name, null);
  for (const role of set) roles.set(role.name, role);
}
