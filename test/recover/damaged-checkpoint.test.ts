import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { asLsn } from '../../engine/model/position.ts';
import {
  examineCheckpoints,
  listCheckpoints,
  removeBeyond,
} from '../../engine/recover/checkpoint-directory.ts';
import { decodeManifest, filesOf, manifestName } from '../../engine/recover/checkpoint-manifest.ts';
import { points } from '../budget.ts';
import { FaultyStorage } from '../fault/storage.ts';
import { TestTitle } from '../title/test-title.ts';
import { contentDigest, play, workload } from '../title/workload.ts';

const steps = workload(17, 30);

interface PassedOver {
  readonly lsn: number;
  readonly reason: string;
}

/** A title with two checkpoints, which is killed and started again as often as a test likes. */
class StoredTitle {
  readonly storage = new FaultyStorage();
  readonly #title: TestTitle;
  digest = '';

  private constructor(title: TestTitle) {
    this.#title = title;
  }

  static async create(): Promise<StoredTitle> {
    const stored = new StoredTitle(await TestTitle.create());
    for (const end of [steps.length - 10, steps.length]) {
      const engine = await stored.#title.open({ storage: stored.storage });
      await play(engine, steps.slice(0, end), engine.appliedLsn, 1);
      stored.digest = contentDigest(engine);
      // Its end takes a checkpoint.
      await stored.#title.close(engine);
    }
    return stored;
  }

  get checkpoints(): string {
    return join(this.#title.directory, 'checkpoints');
  }

  async start(): Promise<{ digest: string; passedOver: PassedOver[] }> {
    const passedOver: PassedOver[] = [];
    const warn = (fields: object) => passedOver.push(fields as PassedOver);
    const logger = { info: () => {}, error: () => {}, warn };
    const engine = await this.#title.open({ storage: this.storage, logger });
    const digest = contentDigest(engine);
    this.storage.crash();
    await this.#title.close(engine).catch(() => {});
    this.storage.restart('process');
    return { digest, passedOver };
  }

  /** Starts with one bit flipped, and flips it back. */
  async startWithout(path: string, offset: number): Promise<PassedOver[]> {
    this.storage.flipBit(path, offset, offset % 8);
    const { digest, passedOver } = await this.start();
    this.storage.flipBit(path, offset, offset % 8);
    expect(digest).toBe(this.digest);
    return passedOver;
  }

  async newest() {
    const [newest, before] = await listCheckpoints(this.storage, this.checkpoints);
    if (!newest || !before) throw new Error('there are no two checkpoints');
    const path = join(this.checkpoints, manifestName(newest.lsn));
    return { ...newest, path, bytes: this.storage.contentOf(path).length, before: before.lsn };
  }
}

describe('a damaged checkpoint', () => {
  it('is not believed with any one bit of its manifest flipped', async () => {
    const stored = await StoredTitle.create();
    const { lsn, path } = await stored.newest();
    const bytes = stored.storage.contentOf(path);
    expect(decodeManifest(lsn, bytes)).toMatchObject({ lsn });
    for (const bit of points(0, bytes.length * 8 - 1)) {
      const damaged = Buffer.from(bytes);
      damaged[bit >> 3] = (damaged[bit >> 3] as number) ^ (1 << (bit & 7));
      expect(decodeManifest(lsn, damaged), `bit ${bit}`).toBeTypeOf('string');
    }
    for (let length = 0; length < bytes.length; length++) {
      expect(decodeManifest(lsn, bytes.subarray(0, length))).toBeTypeOf('string');
    }
    expect(decodeManifest(asLsn(lsn + 1), bytes)).toBeTypeOf('string');
  });

  it('is passed over, says so, and the start comes to the same state', async () => {
    const stored = await StoredTitle.create();
    expect((await stored.start()).passedOver).toEqual([]);
    const newest = await stored.newest();
    const { lsn, path, bytes } = newest;
    for (const offset of points(0, bytes - 1, 37)) {
      const [first, ...more] = await stored.startWithout(path, offset);
      expect(first).toMatchObject({ lsn, reason: expect.stringContaining('its manifest') });
      expect(first?.reason).toContain(path);
      expect(more).toEqual([]);
    }
    for (const file of filesOf(newest).filter(({ name }) => name.includes(`-${lsn}.`))) {
      const at = join(stored.checkpoints, file.name);
      for (const offset of [0, file.bytes >> 1, file.bytes - 1]) {
        const [first] = await stored.startWithout(at, offset);
        expect(first).toEqual({ lsn, reason: `${at} is damaged or gone` });
      }
    }
  });

  it('loses no tick when its position is another', async () => {
    const stored = await StoredTitle.create();
    const { lsn, path } = await stored.newest();
    const text = stored.storage.contentOf(path).toString('utf8');
    const offset = text.indexOf(`"lsn":${lsn}`) + `"lsn":${lsn}`.length - 1;
    // The lowest bit of its last digit: one more, or one less.
    stored.storage.flipBit(path, offset, 0);
    const { digest, passedOver } = await stored.start();
    expect(digest).toBe(stored.digest);
    expect(passedOver).toMatchObject([{ lsn }]);
  });

  it('is passed over for the log when all are', async () => {
    const stored = await StoredTitle.create();
    const { lsn, before, path } = await stored.newest();
    stored.storage.flipBit(path, 20, 1);
    stored.storage.flipBit(join(stored.checkpoints, manifestName(before)), 30, 1);
    const { digest, passedOver } = await stored.start();
    expect(digest).toBe(stored.digest);
    expect(passedOver.map((one) => one.lsn)).toEqual([lsn, before]);
  });

  it('that lies beyond a cut of the log is removed all the same, and no other is', async () => {
    const stored = await StoredTitle.create();
    const { lsn, before, path } = await stored.newest();
    stored.storage.flipBit(path, 20, 1);
    await removeBeyond(stored.storage, stored.checkpoints, lsn);
    expect(stored.storage.paths()).toContain(path);
    await removeBeyond(stored.storage, stored.checkpoints, asLsn(lsn - 1));
    expect(stored.storage.paths()).not.toContain(path);
    const left = await examineCheckpoints(stored.storage, stored.checkpoints);
    expect(left).toMatchObject([{ lsn: before, manifest: { lsn: before } }]);
    expect(await stored.start()).toEqual({ digest: stored.digest, passedOver: [] });
  });
});
