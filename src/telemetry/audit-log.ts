import type { AuditEvent, AuditPort } from '../../resolvers/context.ts';
import type { Logger } from './logger.ts';

/** Who did what, as lines of the log marked `audit`. */
export function auditLog(logger: Logger): AuditPort {
  const audit = logger.child({ audit: true });
  return { record: (event: AuditEvent) => audit.info({ event }, event.action) };
}
