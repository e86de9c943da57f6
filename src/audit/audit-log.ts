import type { AuditEvent, AuditPort } from '../../resolvers/context.ts';
import type { Logger } from '../telemetry/logger.ts';

/** Who did what, as lines of the log marked `audit`; written whatever level the log has. */
export function auditLog(logger: Logger): AuditPort {
  const level = logger.level === 'silent' ? 'silent' : 'info';
  const audit = logger.child({ audit: true }, { level });
  return { record: (event: AuditEvent) => audit.info({ event }, event.action) };
}
