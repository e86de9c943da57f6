import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Sandbox } from '../serve/sandbox.ts';

const root = new URL('../../', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), 'utf8');
const rules = read('deploy/prometheus/rules.yaml');
const dashboard = read('deploy/grafana/tickloom.json');

let sandbox: Sandbox;
let exposed: string;

beforeAll(async () => {
  sandbox = await Sandbox.withMatch();
  exposed = await sandbox.metrics();
});
afterAll(() => sandbox.stop());

/** Every metric that the server tells of, with the suffixes of its kind. */
function metricNames(): Set<string> {
  const names = new Set<string>();
  for (const [, name = '', kind] of exposed.matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
    names.add(name);
    if (kind === 'histogram')
      for (const end of ['bucket', 'count', 'sum']) names.add(`${name}_${end}`);
  }
  return names;
}

describe('the dashboard and the rules', () => {
  test.each([
    ['the rules', rules],
    ['the dashboard', dashboard],
  ])('name only metrics that there are: %s', (_, text) => {
    const known = metricNames();
    const named = new Set(
      [...text.matchAll(/(?<![\w:])(?:tickloom|nodejs|process)_[a-z0-9_]+/g)].map(([name]) => name),
    );
    expect(named.size).toBeGreaterThan(8);
    expect([...named].filter((name) => !known.has(name))).toEqual([]);
  });

  test('name only bounds of buckets that there are', () => {
    for (const [, metric, bound] of rules.matchAll(/(tickloom_\w+_bucket)\{le="([^"]+)"\}/g)) {
      const name = String(metric).replace(/_bucket$/, '');
      const source = read('src/telemetry/metric-registry.ts');
      // Where nothing was observed yet there is no bucket to look at: the declaration has them all.
      const list = name.endsWith('commit_seconds') ? 'commitBuckets' : 'queryBuckets';
      const declared = new RegExp(`const ${list} = \\[([^\\]]*)\\]`).exec(source)?.[1] ?? '';
      expect(declared.split(',').map((part) => Number(part.replace('_', '')))).toContain(
        Number(bound),
      );
    }
  });

  test('use recorded series that are recorded', () => {
    const recorded = new Set([...rules.matchAll(/record: (\S+)/g)].map(([, name]) => name));
    const used = [...rules.matchAll(/(?<!record: )\btitle(?:_view)?:tickloom_[\w:]+/g)].map(
      ([name]) => name,
    );
    expect(used.length).toBeGreaterThan(3);
    expect(used.filter((name) => !recorded.has(name))).toEqual([]);
  });

  test('have a mend for every alert, which names pages that there are', () => {
    const alerts = rules.split(/- alert: /).slice(1);
    expect(alerts.length).toBeGreaterThan(8);
    for (const alert of alerts) {
      expect(alert).toMatch(/mend: ".+"/);
      for (const [page] of alert.matchAll(/docs\/[a-z-]+\.md/g)) expect(read(page)).not.toBe('');
    }
  });

  const promtool = spawnSync('promtool', ['--version']);
  if (promtool.error) console.error('skipped: promtool is not installed here');
  test.skipIf(promtool.error)('are taken by promtool, as are the metrics themselves', () => {
    const checkRules = spawnSync('promtool', [
      'check',
      'rules',
      fileURLToPath(new URL('deploy/prometheus/rules.yaml', root)),
    ]);
    expect(checkRules.stdout.toString() + checkRules.stderr.toString()).toContain('SUCCESS');
    const own = exposed
      .split('\n')
      .filter((line) => /^(?:# (?:HELP|TYPE) )?tickloom_/.test(line))
      .join('\n');
    const check = spawnSync('promtool', ['check', 'metrics'], { input: `${own}\n` });
    expect(check.stderr.toString()).toBe('');
    expect(check.status).toBe(0);
  });
});
