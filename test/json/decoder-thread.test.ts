import { once } from 'node:events';
import type { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it } from 'vitest';
import { DecoderThread, unanswered } from '../../engine/json/decoder-thread.ts';
import { JsonTickDecoder } from '../../engine/json/json-tick-decoder.ts';
import { Catalog } from '../../engine/model/catalog.ts';
import { limits } from '../../engine/model/limits.ts';
import { ashfall } from '../../src/sandbox/ashfall.ts';
import { ashfallTick } from './ashfall-tick.ts';
import { contentOf } from './general-path.ts';

const catalog = new Catalog(ashfall);
const bodyOf = (actions: number) => Buffer.from(JSON.stringify(ashfallTick(actions)));

let thread: DecoderThread;
let crashes: (Error | null)[];
function start(): void {
  crashes = [];
  thread = new DecoderThread(catalog, (error) => crashes.push(error));
}
afterEach(() => thread.close());

/** The worker that the next decoding starts. */
async function nextWorker(): Promise<Worker> {
  const [worker] = (await once(process, 'worker')) as [Worker];
  return worker;
}

describe('a thread that decodes', () => {
  it('answers what the decoder answers, of good bodies and bad ones', async () => {
    start();
    const decoder = new JsonTickDecoder(catalog);
    for (const actions of [0, 3, 2000, 1]) {
      const body = bodyOf(actions);
      const decoded = await thread.decode(body, 0);
      if (decoded === unanswered || decoded === null) throw new Error('not decoded');
      const own = decoder.decode(body, 0);
      expect(decoded.end).toBe(own?.end);
      expect(contentOf(decoded.batch)).toEqual(own && contentOf(own.batch));
      for (const stream of decoded.batch.streams) {
        expect(stream.table).toBe(catalog.table(stream.table.name));
      }
    }
    expect(await thread.decode(bodyOf(3).subarray(0, -1), 0)).toBe(null);
    const broken = bodyOf(3);
    broken[broken.indexOf('uel')] = 0xff;
    expect(await thread.decode(broken, 0)).toBe(null);
  });

  it('leaves a body to its caller while it has too much to do', async () => {
    start();
    const body = bodyOf(500);
    const answers = await Promise.all(
      Array.from({ length: limits.jsonDecodesWaitingMax + 2 }, () => thread.decode(body, 0)),
    );
    expect(answers.map((answer) => answer === unanswered)).toEqual([
      ...new Array<boolean>(limits.jsonDecodesWaitingMax).fill(false),
      true,
      true,
    ]);
  });

  it('that dies leaves what it had to do to its callers; another takes its place', async () => {
    start();
    const body = bodyOf(500);
    const started = nextWorker();
    const lost = [thread.decode(body, 0), thread.decode(body, 0)];
    await (await started).terminate();
    expect(await Promise.all(lost)).toEqual([unanswered, unanswered]);
    expect(crashes).toEqual([null]);
    expect(await thread.decode(body, 0)).not.toBe(unanswered);
  });

  it('is not started again and again', async () => {
    start();
    const body = bodyOf(1);
    for (let crash = 1; crash <= 3; crash++) {
      const started = nextWorker();
      const lost = thread.decode(body, 0);
      await (await started).terminate();
      expect(await lost).toBe(unanswered);
      expect(crashes).toHaveLength(crash);
    }
    expect(await thread.decode(body, 0)).toBe(unanswered);
    expect(crashes).toHaveLength(3);
  });

  it('ends when it is closed, which is no crash', async () => {
    start();
    const started = nextWorker();
    const lost = thread.decode(bodyOf(500), 0);
    const exited = once(await started, 'exit');
    await thread.close();
    await exited;
    expect(await lost).toBe(unanswered);
    expect(await thread.decode(bodyOf(1), 0)).toBe(unanswered);
    expect(crashes).toEqual([]);
  });
});
