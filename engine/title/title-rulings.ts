import { fittedRole, type Roles, rolesInForce } from '../access/roles-in-force.ts';
import {
  type AccessPatch,
  patchRoles,
  type Revocation,
  type RulingRecord,
  type Rulings,
} from '../access/ruling.ts';
import type { Ticket } from '../govern/ticket.ts';
import type { Catalog } from '../model/catalog.ts';
import { EngineError } from '../model/errors.ts';
import { limits } from '../model/limits.ts';
import { asLsn, formatPosition, type Lsn } from '../model/position.ts';
import type { RoleDefinition } from '../model/types.ts';
import type { AccessControl } from '../ports/access-control.ts';
import type { WritePath } from './write-path.ts';

export interface TitleRulingsParts {
  readonly catalog: Catalog;
  readonly rulings: Rulings;
  readonly writes: Pick<WritePath, 'logRuling'>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Rulings of a title: appended, in force once they are applied. */
export class TitleRulings implements AccessControl {
  readonly #parts: TitleRulingsParts;
  readonly #listeners = new Set<() => void>();
  roles: Roles;
  misfits: readonly string[] = [];
  version = 0;
  /** The roles of a change that is appended and not yet applied. */
  #coming: Roles | null = null;
  /** Revocations on their way, by subject: what is appended after them must not be of those. */
  readonly #revoking = new Map<string, number>();

  constructor(parts: TitleRulingsParts) {
    this.#parts = parts;
    this.roles = this.#inForce(parts.rulings.roles);
    parts.rulings.onRuled = () => {
      this.roles = this.#inForce(parts.rulings.roles);
      this.version++;
      for (const listen of [...this.#listeners]) listen();
    };
  }

  get lsn(): Lsn {
    return asLsn(this.#parts.rulings.accessLsn);
  }

  get rolesToMeet(): readonly Roles[] {
    return this.#coming === null ? [this.roles] : [this.roles, this.#coming];
  }

  isRevoked(subject: string, issuedAtMs: number | null): boolean {
    const from = this.#parts.rulings.revocations.get(subject)?.from ?? null;
    const coming = this.#revoking.get(subject) ?? null;
    const latest = Math.max(from ?? Number.NEGATIVE_INFINITY, coming ?? Number.NEGATIVE_INFINITY);
    return latest > (issuedAtMs ?? Number.NEGATIVE_INFINITY);
  }

  revocations(): readonly Revocation[] {
    return [...this.#parts.rulings.revocations.values()];
  }

  onChange(listen: () => void): () => void {
    this.#listeners.add(listen);
    return () => void this.#listeners.delete(listen);
  }

  async change(ticket: Ticket, patch: AccessPatch, after: Lsn, by: string): Promise<Lsn> {
    ticket.check();
    if (after !== this.lsn) throw changedMeanwhile(after, this.lsn);
    if (this.#coming !== null) throw changing(this.lsn);
    const ruled = new Map(this.#parts.rulings.roles);
    patchRoles(ruled, patch);
    this.#coming = this.#inForce(ruled);
    this.version++;
    try {
      const record = { type: 'access', ...this.#stamp(by), after, ...patch } as const;
      const { lsn, holds } = await this.#parts.writes.logRuling(record);
      if (!holds) throw changedMeanwhile(after, this.lsn);
      return lsn;
    } finally {
      this.#coming = null;
      this.version++;
    }
  }

  async revoke(
    ticket: Ticket,
    subject: string,
    reason: string | null,
    by: string,
  ): Promise<Revocation> {
    ticket.check();
    const { revocations } = this.#parts.rulings;
    const count = new Set([...this.#revoking.keys(), ...revocations.keys(), subject]).size;
    if (count > limits.revocationsMax) throw tooManyRevocations();
    const { at } = this.#stamp(by);
    const ruling = { at, by, subject, from: at, reason };
    this.#revoking.set(subject, at);
    this.version++;
    try {
      const { lsn } = await this.#log({ type: 'revoke', ...ruling });
      return { ...ruling, lsn };
    } finally {
      if (this.#revoking.get(subject) === at) this.#revoking.delete(subject);
      this.version++;
    }
  }

  async unrevoke(ticket: Ticket, subject: string, by: string): Promise<Lsn> {
    ticket.check();
    if (!this.#parts.rulings.revocations.has(subject)) {
      throw new EngineError('NOT_FOUND', 'no tokens of this subject are revoked in this title');
    }
    const { lsn } = await this.#log({ type: 'unrevoke', ...this.#stamp(by), subject });
    return lsn;
  }

  #log(record: RulingRecord): ReturnType<TitleRulingsParts['writes']['logRuling']> {
    return this.#parts.writes.logRuling(record);
  }

  #stamp(by: string): { readonly at: number; readonly by: string } {
    return { at: this.#parts.now(), by };
  }

  /** What was ruled under an earlier manifest counts as far as it fits this one. */
  #inForce(ruled: ReadonlyMap<string, RoleDefinition | null>): Roles {
    const { catalog } = this.#parts;
    const misfits: string[] = [];
    const fitted = new Map<string, RoleDefinition | null>();
    for (const [name, role] of ruled) {
      const fits = role === null ? null : (this.#known(name, role) ?? fittedRole(catalog, role));
      if (fits !== role) misfits.push(name);
      fitted.set(name, fits);
    }
    this.misfits = misfits;
    return rolesInForce(catalog, fitted);
  }

  /** A role that was looked at before: it fits, and stays the object that it is. */
  #known(name: string, role: RoleDefinition): RoleDefinition | null {
    return this.roles?.get(name) === role ? role : null;
  }
}

function changedMeanwhile(expected: Lsn, current: Lsn): EngineError {
  return new EngineError(
    'FENCED',
    `access is that of position ${formatPosition(current)}, not ${formatPosition(expected)}: somebody has changed it since; look at it again`,
    { details: { expected: formatPosition(expected), current: formatPosition(current) } },
  );
}

function changing(current: Lsn): EngineError {
  return new EngineError(
    'FENCED',
    'somebody else is changing access at this moment: look at it again',
    { details: { current: formatPosition(current) } },
  );
}

function tooManyRevocations(): EngineError {
  return new EngineError(
    'LIMIT_EXCEEDED',
    `tokens of ${limits.revocationsMax} subjects are revoked already: take back those whose tokens have expired by now`,
    { details: { limit: 'revocationsMax', max: limits.revocationsMax } },
  );
}
