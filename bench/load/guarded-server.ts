import { register } from 'node:module';
import { AnomalyWatch } from '../../src/anomalies/anomaly-watch.ts';
import { RequestAudit } from '../../src/audit/request-audit.ts';
import { TitleAudit } from '../../src/audit/title-audit.ts';
import { TitleIdentity } from '../../src/identity/title-identity.ts';
import { TitleLimits } from '../../src/limits/title-limits.ts';
import type { FromGuardedServer, ToGuardedServer } from './guard-config.ts';
import { found, guardBy, on } from './guard-switches.ts';

/**
 * Loaded before the server (`--import`), in whose process it replaces what guards a request by what
 * either does the product's own work or answers at once, as the benchmark says meanwhile: the same
 * process, heap and machine code for both, so that nothing else differs between them.
 */
register('./guard-hooks.js', import.meta.url);

const { authenticate, now } = TitleIdentity.prototype;

TitleIdentity.prototype.authenticate = function (credentials) {
  if (!on.verification && found.principal !== null) return found.principal;
  const answer = authenticate.call(this, credentials);
  if (!on.verification && !(answer instanceof Promise)) found.principal = answer;
  return answer;
};

TitleIdentity.prototype.now = function (principal) {
  return on.verification ? now.call(this, principal) : principal;
};

const { admit, take, charge } = TitleLimits.prototype;

TitleLimits.prototype.admit = function (client, requestId) {
  return on.quota ? admit.call(this, client, requestId) : undefined;
};

TitleLimits.prototype.take = function (use, asker) {
  return on.quota ? take.call(this, use, asker) : undefined;
};

TitleLimits.prototype.charge = function (client, used) {
  if (on.quota) charge.call(this, client, used);
};

/** Records nothing, and has commits name nobody. */
class NoAudit extends RequestAudit {
  // A ticket takes it for what it is: nobody.
  override readonly authorOf = (() => null) as unknown as RequestAudit['authorOf'];
  override runs(): void {}
  override admit(): void {}
  override touches(): void {}
  override cameFrom(): void {}
  override record(): void {}
}

const { of } = TitleAudit.prototype;
let noAudit: NoAudit | null = null;

TitleAudit.prototype.of = function (origin) {
  if (on.audit) return of.call(this, origin);
  noAudit ??= new NoAudit(this.log, origin, (person) => person);
  return noAudit;
};

const { count, see } = AnomalyWatch.prototype;

AnomalyWatch.prototype.count = function (...told) {
  if (on.audit) count.apply(this, told);
};

AnomalyWatch.prototype.see = function (...told) {
  if (on.audit) see.apply(this, told);
};

process.on('message', ({ by }: ToGuardedServer) => {
  guardBy(by);
  const { user, system } = process.cpuUsage();
  const answer: FromGuardedServer = { kind: 'guarded', cpuMicroseconds: user + system };
  process.send?.(answer);
});
// The server ends when it has nothing left to do, though the benchmark may still speak.
process.channel?.unref();
