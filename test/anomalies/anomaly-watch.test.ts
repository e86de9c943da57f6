import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AnomalyRule, parseRules, shippedRules } from '../../src/anomalies/anomaly-rule.ts';
import { AnomalyWatch, type Watched } from '../../src/anomalies/anomaly-watch.ts';
import type { AuditRecord } from '../../src/audit/audit-record.ts';
import { codeOf, Sandbox } from '../serve/sandbox.ts';

const dayMs = 86_400_000;

function watching(rules: readonly AnomalyRule[]) {
  const clock = { nowMs: 0 };
  const records: AuditRecord[] = [];
  const messages: object[] = [];
  const watch = new AnomalyWatch({
    title: 'ashfall',
    rules,
    record: (record) => void records.push(record),
    onCrossing: () => {},
    webhook: { send: (message) => void messages.push(message) },
    nowMs: () => clock.nowMs,
  });
  return { watch, clock, records, messages };
}

const ann: Watched = { subject: 'ann', role: 'player', address: '192.0.2.7' };

describe('the shipped rules', () => {
  it('tell of an impossible rate of actions, and leave simulators and the player alone', () => {
    const { watch, records, messages } = watching(shippedRules);
    watch.count('actions', { subject: 'sim', role: 'game-server' }, 100_000);
    watch.count('actions', ann, 500);
    expect(records).toEqual([]);
    watch.count('actions', ann, 1);
    watch.count('actions', ann, 1);
    const details = { rule: 'impossible-action-rate', value: 501, bound: 500, action: 'report' };
    expect(records).toMatchObject([{ action: 'anomaly.found', subject: 'ann', details }]);
    expect(messages).toEqual([
      {
        type: 'anomaly',
        title: 'ashfall',
        at: '1970-01-01T00:00:00.000Z',
        measure: 'actions',
        by: 'subject',
        ...details,
        ...ann,
      },
    ]);
    expect(() => watch.restraints.check('ann')).not.toThrow();
  });

  it('tell of a role that reads what it never read, whoever of it does', () => {
    const { watch, clock, records } = watching(shippedRules);
    const support = (subject: string): Watched => ({ subject, role: 'support' });
    watch.see('newTable', support('ann'), 'playerProfile');
    watch.see('newTable', support('ann'), 'matchPulse');
    clock.nowMs = dayMs;
    watch.see('newTable', support('ben'), 'matchPulse');
    expect(records).toEqual([]);
    watch.see('newTable', support('ben'), 'playerWallet');
    expect(records).toMatchObject([
      { subject: 'ben', role: 'support', table: 'playerWallet', details: { by: 'role' } },
    ]);
  });
});

describe('a rule that says so', () => {
  const rule = (action: string) =>
    parseRules([
      {
        name: 'too-much',
        measure: 'requests',
        by: 'subject',
        windowSeconds: 10,
        above: 1,
        action,
        forSeconds: 60,
      },
    ]);

  it('suspends who crossed it, and nobody else, for as long as it says', () => {
    const { watch, clock } = watching(rule('suspend'));
    watch.count('requests', ann, 2);
    expect(() => watch.restraints.check('ben')).not.toThrow();
    expect(() => watch.restraints.check('ann')).toThrow(
      expect.objectContaining({ code: 'RATE_LIMITED', retryAfterMs: 60_000 }),
    );
    clock.nowMs = 60_000;
    expect(() => watch.restraints.check('ann')).not.toThrow();
  });

  it('throttles to a request a second', () => {
    const { watch, clock } = watching(rule('throttle'));
    watch.count('requests', ann, 2);
    const passes = (nowMs: number) => {
      clock.nowMs = nowMs;
      try {
        watch.restraints.check('ann');
        return true;
      } catch {
        return false;
      }
    };
    expect([0, 1, 999, 1_000, 1_001, 60_000].map(passes)).toEqual([
      true,
      false,
      false,
      true,
      false,
      true,
    ]);
  });
});

describe('a server with rules', () => {
  const directory = mkdtempSync(join(tmpdir(), 'tickloom-anomalies-'));
  const messages: Record<string, unknown>[] = [];
  const receiver = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    messages.push(JSON.parse(body));
    response.writeHead(204).end();
  });
  let sandbox: Sandbox;
  beforeAll(async () => {
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
    const { port } = receiver.address() as AddressInfo;
    const file = join(directory, 'rules.json');
    const rules = [
      { name: 'reads-new', measure: 'newTable', by: 'role', learnSeconds: 0 },
      { name: 'busy', measure: 'actions', by: 'subject', windowSeconds: 3600, above: 2 },
      {
        name: 'probes',
        measure: 'refusals',
        by: 'subject',
        windowSeconds: 3600,
        above: 2,
        action: 'suspend',
        forSeconds: 3600,
      },
    ];
    writeFileSync(file, JSON.stringify(rules));
    const secret = join(directory, 'secret');
    writeFileSync(secret, 'a secret of a test server\n');
    sandbox = await Sandbox.start({
      anomalies: file,
      anomalyWebhook: `http://127.0.0.1:${port}/`,
      anomalyWebhookSecretFile: secret,
    });
    await sandbox.openSession('match');
  });
  afterAll(async () => {
    await sandbox?.stop();
    receiver.close();
    rmSync(directory, { recursive: true });
  });

  it('tells of a crossing by audit, metric and webhook, and lets the one who crossed go on', async () => {
    await sandbox.commit('match', 1);
    await sandbox.commit('match', 2);
    await sandbox.ask('liveops', '{ matchPulse { rows { actions } } }');
    await sandbox.ask('liveops', '{ busiestPlayers { rows { playerId } } }');
    await expect
      .poll(() => messages)
      .toMatchObject([
        { rule: 'busy', measure: 'actions', role: 'game-server', action: 'report' },
        { rule: 'reads-new', value: 'busiestPlayers', role: 'liveops' },
      ]);
    const { data } = await sandbox.ask(
      'liveops',
      '{ auditLog(where: { action: { eq: "anomaly.found" } }) { nodes { role table details } } }',
    );
    expect(data?.auditLog).toMatchObject({
      nodes: [{ role: 'liveops', table: 'busiestPlayers' }, { role: 'game-server' }],
    });
    const metrics = await sandbox.metrics();
    expect(metrics).toContain(
      'tickloom_anomalies_total{title="ashfall",rule="busy",action="report"} 1',
    );
    expect(metrics).toContain('tickloom_anomaly_webhooks_total{title="ashfall",outcome="sent"} 2');
    expect(codeOf(await sandbox.commit('match', 3))).toBe('OK');
  });

  it('suspends who probes for rights, where the rule says so', async () => {
    const probe = () => sandbox.ask('player', '{ matchPulse { rows { actions } } }');
    const codes = [await probe(), await probe(), await probe(), await probe()].map(codeOf);
    expect(codes).toEqual(['FORBIDDEN', 'FORBIDDEN', 'FORBIDDEN', 'RATE_LIMITED']);
    expect(codeOf(await sandbox.ask('liveops', '{ matchPulse { rows { actions } } }'))).toBe('OK');
  });
});
