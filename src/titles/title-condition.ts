import type { Engine, Lsn } from '../../engine/index.ts';

/** What readiness looks at of an audit log. */
export interface AuditCondition {
  readonly state: 'ok' | 'waiting' | 'refusing';
  /** Why records wait; null while they do not. */
  readonly trouble: string | null;
}

/** What readiness looks at of one title. */
export interface TitleCondition {
  readonly name: string;
  readonly state: 'opening' | 'open' | 'closing';
  /** Null while its log is being recovered. */
  readonly engine: Engine | null;
  /** How its audit log stands; null while the title is being opened. */
  readonly audit: AuditCondition | null;
  /** Where the log ended when it was recovered; columns behind this are still catching up. */
  readonly recoveredLsn: Lsn | null;
  /** One of those that the server was started with. */
  readonly isOfStart: boolean;
}
