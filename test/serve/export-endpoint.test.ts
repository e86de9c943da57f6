import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { tableFromIPC } from 'apache-arrow';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ExportLinks } from '../../src/exports/export-link.ts';
import { RotatingSecret } from '../../src/storage/rotating-secret.ts';
import { answerOf, codeOf, Sandbox } from './sandbox.ts';

const createExport = `mutation Create($input: CreateExportInput!) {
  createExport(input: $input) { id url state position format expiresAt }
}`;

interface Created {
  readonly id: string;
  readonly url: string;
  readonly position: string;
}

const formats = ['ARROW_STREAM', 'ARROW_FILE', 'PARQUET'];
let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await Sandbox.start();
  await sandbox.openSession('match');
  for (let tick = 1; tick <= 4; tick++) await sandbox.commit('match', tick, 5);
});
afterAll(() => sandbox.stop());

async function order(input: Record<string, unknown> = {}): Promise<Created> {
  const answer = await sandbox.ask('analyst', createExport, {
    input: { table: 'actionLog', ...input },
  });
  if (!answer.data) throw new Error(JSON.stringify(answer.errors));
  return answer.data.createExport as Created;
}

async function stateOf(id: string): Promise<unknown> {
  const query = 'query State($id: ID!) { export(id: $id) { state bytes } }';
  const answer = await sandbox.ask('analyst', query, { id });
  return answer.data?.export;
}

async function refusal(url: string): Promise<[number, string]> {
  const response = await fetch(url);
  return [response.status, codeOf(await answerOf(response))];
}

function signed(id: string, expiresAtMs: number): string {
  const path = join(sandbox.directory, 'titles/ashfall/exports/link-secret');
  return new ExportLinks('ashfall', RotatingSecret.open(path), () => sandbox.url).url(
    id,
    expiresAtMs,
  );
}

describe('an export link', () => {
  test('streams exactly the committed rows as Arrow, with no other credential', async () => {
    const { url } = await order();
    const response = await fetch(url);
    expect(response.status).toBe(200);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'application/vnd.apache.arrow.stream',
      'content-disposition': expect.stringMatching(
        /^attachment; filename="actionLog-\w{8}\.arrows"$/,
      ),
      'cache-control': 'private, no-store',
    });
    const table = tableFromIPC(await response.bytes());
    expect(table.numRows).toBe(20);
    expect(table.getChild('actionId')?.toArray()).toContain('4-4');
  });

  test.each([
    ['ARROW_FILE', 'application/vnd.apache.arrow.file', 'ARROW1'],
    ['PARQUET', 'application/vnd.apache.parquet', 'PAR1'],
  ])('gives %s where asked', async (format, type, magic) => {
    const response = await fetch((await order({ format })).url);
    expect(response.headers.get('content-type')).toBe(type);
    expect(new TextDecoder().decode((await response.bytes()).slice(0, magic.length))).toBe(magic);
  });

  test('can be read again with the same rows, whatever was committed since', async () => {
    const { url, id } = await order();
    const first = await (await fetch(url)).bytes();
    await sandbox.commit('match', 5, 3);
    expect(tableFromIPC(await (await fetch(url)).bytes()).numRows).toBe(
      tableFromIPC(first).numRows,
    );
    expect(await stateOf(id)).toEqual({ state: 'COMPLETE', bytes: first.length });
    const head = await fetch(url, { method: 'HEAD' });
    expect(head.headers.get('content-length')).toBe(String(first.length));
  });

  test.each(formats)(
    'gives the same bytes at every read, whatever ClickHouse merged since: %s',
    async (format) => {
      const { url } = await order({ format });
      const head = await fetch(url, { method: 'HEAD' });
      expect(head.headers.get('content-length')).toBeNull();
      expect(head.headers.get('accept-ranges')).toBe('none');
      const first = Buffer.from(await (await fetch(url)).bytes());
      await sandbox.commit('match', 6 + formats.indexOf(format), 3);
      const again = await fetch(url, { method: 'HEAD' });
      const second = await fetch(url);
      for (const { headers } of [again, second]) {
        expect(headers.get('content-length')).toBe(String(first.length));
        expect(headers.get('accept-ranges')).toBe('bytes');
        expect(headers.get('etag')).toBe(again.headers.get('etag'));
      }
      expect(Buffer.from(await second.bytes()).equals(first)).toBe(true);
      await sandbox.restart();
      const third = await fetch(url);
      expect(third.headers.get('etag')).toBe(again.headers.get('etag'));
      expect(Buffer.from(await third.bytes()).equals(first)).toBe(true);
    },
  );

  test('gives the part that is asked for once it was read whole', async () => {
    const { url } = await order({ format: 'PARQUET' });
    const part = async (headers: Record<string, string>) => {
      const response = await fetch(url, { headers });
      const range = response.headers.get('content-range');
      return { status: response.status, range, bytes: Buffer.from(await response.bytes()) };
    };
    const early = await part({ range: 'bytes=0-3' });
    expect(early).toMatchObject({ status: 200, range: null });
    const whole = early.bytes;
    const size = whole.length;
    const etag = (await fetch(url, { method: 'HEAD' })).headers.get('etag') ?? '';
    for (const [range, from, to] of [
      ['bytes=0-3', 0, 4],
      ['bytes=4-', 4, size],
      ['bytes=-8', size - 8, size],
      [`bytes=10-${size + 100}`, 10, size],
    ] as const) {
      expect(await part({ range })).toEqual({
        status: 206,
        range: `bytes ${from}-${to - 1}/${size}`,
        bytes: whole.subarray(from, to),
      });
    }
    expect(await part({ range: `bytes=${size}-` })).toMatchObject({
      status: 416,
      range: `bytes */${size}`,
    });
    for (const range of ['bytes=9-3', 'rows=0-3', 'bytes=0-1,4-5', 'bytes=-', 'bytes=x']) {
      expect(await part({ range }), range).toMatchObject({ status: 200, bytes: whole });
    }
    expect(await part({ range: 'bytes=0-3', 'if-range': etag })).toMatchObject({ status: 206 });
    expect(await part({ range: 'bytes=0-3', 'if-range': '"other"' })).toMatchObject({
      status: 200,
      bytes: whole,
    });
    expect(await part({ 'if-none-match': etag })).toMatchObject({ status: 304 });
    expect(await part({ 'if-none-match': '"other"' })).toMatchObject({ status: 200 });
  });

  test('makes its copy anew where it was lost, under another name where it is another', async () => {
    const { url, id } = await order();
    const first = Buffer.from(await (await fetch(url)).bytes());
    const folder = join(sandbox.directory, 'titles/ashfall/exports/copies');
    const copies = () => readdirSync(folder).filter((name) => name.startsWith(id));
    expect(copies()).toHaveLength(1);
    rmSync(join(folder, copies()[0] ?? ''));
    const second = await fetch(url);
    expect(second.headers.get('etag')).toBeNull();
    const bytes = Buffer.from(await second.bytes());
    expect(tableFromIPC(bytes).numRows).toBe(tableFromIPC(first).numRows);
    const head = await fetch(url, { method: 'HEAD' });
    expect(head.headers.get('content-length')).toBe(String(bytes.length));
    expect(copies()).toHaveLength(1);
    expect(copies()[0]).toContain(head.headers.get('etag')?.replaceAll('"', ''));
  });

  test('counts its bytes', async () => {
    const bytesIn = (metrics: string) =>
      Number(/^tickloom_exports_bytes_total\{title="ashfall"\} (\d+)$/m.exec(metrics)?.[1]);
    const before = bytesIn(await sandbox.metrics());
    const { length } = await (await fetch((await order()).url)).bytes();
    expect(bytesIn(await sandbox.metrics()) - before).toBe(length);
  });

  test('outlives a restart of the server', async () => {
    const { url } = await order();
    const { numRows } = tableFromIPC(await (await fetch(url)).bytes());
    await sandbox.restart();
    expect(tableFromIPC(await (await fetch(url)).bytes()).numRows).toBe(numRows);
  });

  test('is refused when anything in it was changed', async () => {
    const { url, id } = await order();
    const other = await order();
    const later = new URL(url);
    later.searchParams.set('expires', '9999999999');
    expect(await refusal(later.href)).toEqual([403, 'FORBIDDEN']);
    expect(await refusal(url.replace(id, other.id))).toEqual([403, 'FORBIDDEN']);
    const unsigned = new URL(url);
    unsigned.searchParams.delete('signature');
    expect(await refusal(unsigned.href)).toEqual([401, 'UNAUTHENTICATED']);
    expect(await refusal(url.replace('/ashfall/', '/chess/'))).toEqual([404, 'UNKNOWN_TITLE']);
  });

  test('is refused once it has expired', async () => {
    const { id } = await order();
    expect(await refusal(signed(id, Date.now() - 1_000))).toEqual([401, 'TOKEN_EXPIRED']);
  });

  test('to no export is refused, however well it is signed', async () => {
    expect(await refusal(signed('no-such-export', Date.now() + 60_000))).toEqual([
      404,
      'NOT_FOUND',
    ]);
  });

  test('cannot be had without the right to export', async () => {
    const answer = await sandbox.ask('liveops', createExport, { input: { table: 'actionLog' } });
    expect(codeOf(answer)).toBe('FORBIDDEN');
  });
});
