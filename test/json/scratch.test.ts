import { describe, expect, it } from 'vitest';
import { notTaken } from '../../engine/json/not-taken.ts';
import { Scratch } from '../../engine/json/scratch.ts';
import { limits } from '../../engine/model/limits.ts';

describe('what a decoder holds for the next tick', () => {
  it('is so many forms: one more is not taken, and then all is forgotten', () => {
    const scratch = new Scratch();
    for (let form = 1; form < limits.jsonFormsMax; form++) scratch.addForm();
    expect(scratch.isSpent).toBe(false);
    scratch.addForm();
    expect(() => scratch.addForm()).toThrow(notTaken);
    expect(scratch.isSpent).toBe(true);
  });

  it('is so many bytes: with one more all is forgotten', () => {
    const scratch = new Scratch();
    scratch.addBytes(limits.jsonScratchBytesMax);
    expect(scratch.isSpent).toBe(false);
    scratch.addBytes(1);
    expect(scratch.isSpent).toBe(true);
  });
});
