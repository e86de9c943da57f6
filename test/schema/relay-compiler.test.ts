import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';

/** 118 MB for five systems, so it is no dependency: `npm i -g relay-compiler`, as CI does. */
const isThere = spawnSync('relay-compiler', ['--version']).status === 0;
if (!isThere) console.warn('skipped: relay-compiler is not installed here');

/** A list that an app of Relay pages through: its field, and fields of its nodes. */
const lists: [string, string][] = [
  ['unitStateList', 'unitId ownerId version'],
  ['actionLogList', 'actionId kind'],
  ['resourceLedgerList', 'amount resource'],
  ['sessions', 'sessionId open'],
];

function pageOf(field: string, node: string): string {
  return `
    fragment Page_rows on Query
    @argumentDefinitions(first: { type: "Int", defaultValue: 10 }, after: { type: "String" })
    @refetchable(queryName: "PagePaginationQuery") {
      ${field}(first: $first, after: $after) @connection(key: "Page_${field}") {
        edges { node { ${node} } }
      }
    }`;
}

describe.runIf(isThere)('relay-compiler', () => {
  test.each(lists)('takes %s for a connection, and pages through it', (field, node) => {
    const directory = mkdtempSync(join(tmpdir(), 'tickloom-relay-'));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    const schema = fileURLToPath(new URL('ashfall.graphql', import.meta.url));
    copyFileSync(schema, join(directory, 'schema.graphql'));
    mkdirSync(join(directory, 'src'));
    writeFileSync(
      join(directory, 'src', 'Page.js'),
      [
        "import { graphql } from 'relay-runtime';",
        `export const rows = graphql\`${pageOf(field, node)}\`;`,
        'export const query = graphql`query PageQuery { ...Page_rows }`;',
      ].join('\n'),
    );
    const config = { src: './src', schema: './schema.graphql', language: 'javascript' };
    writeFileSync(join(directory, 'relay.config.json'), JSON.stringify(config));
    const { status, stdout, stderr } = spawnSync('relay-compiler', ['relay.config.json'], {
      cwd: directory,
      encoding: 'utf8',
    });
    expect(`${stdout}${stderr}`).not.toMatch(/error/i);
    expect(status).toBe(0);
    const artifacts = join(directory, 'src', '__generated__');
    expect(readdirSync(artifacts)).toContain('PagePaginationQuery.graphql.js');
    const compiled = readFileSync(join(artifacts, 'PagePaginationQuery.graphql.js'), 'utf8');
    expect(compiled).toContain('"endCursor"');
  });
});
