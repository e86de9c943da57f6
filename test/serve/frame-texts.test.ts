import { expect, test } from 'vitest';
import { OneByOne } from '../../engine/govern/one-by-one.ts';
import { mainTurns } from '../../engine/govern/turns.ts';
import { FrameText } from '../../src/api/graphql/frame-text.ts';
import { FrameTexts } from '../../src/api/graphql/frame-texts.ts';
import { servingLimits } from '../../src/serving-limits.ts';

const text = (chars: number) => () => FrameText.of('x'.repeat(chars), 'cursor');
const unwanted = (): never => {
  throw new Error('it was made before');
};

test('the texts of frames are kept up to so many bytes, and the oldest leaves for one more', () => {
  const texts = new FrameTexts(new OneByOne(mainTurns, 'frames'));
  const max = servingLimits.frameTextsBytesMax;
  const [first, second, third] = [{}, {}, {}];
  texts.of(first, 'a', text(max / 2));
  texts.of(second, 'a', text(max / 2));
  expect(texts.of(first, 'a', unwanted)?.bytes).toBe(max / 2);
  texts.of(third, 'a', text(1));
  expect(texts.of(second, 'a', unwanted)?.bytes).toBe(max / 2);
  expect(() => texts.of(first, 'a', unwanted)).toThrow('it was made before');
});

test('a text beyond the bound by itself is given and not kept', () => {
  const texts = new FrameTexts(new OneByOne(mainTurns, 'frames'));
  const frame = {};
  const chars = servingLimits.frameTextsBytesMax + 1;
  expect(texts.of(frame, 'a', text(chars))?.bytes).toBe(chars);
  expect(() => texts.of(frame, 'a', unwanted)).toThrow('it was made before');
});

test('frames are told apart as objects, and selections of one frame by name', () => {
  const texts = new FrameTexts(new OneByOne(mainTurns, 'frames'));
  const [one, other] = [{ lsn: 1 }, { lsn: 1 }];
  texts.of(one, 'a', text(1));
  expect(texts.of(other, 'a', text(2))?.bytes).toBe(2);
  expect(texts.of(one, 'b', text(3))?.bytes).toBe(3);
  expect(texts.of(one, 'a', unwanted)?.bytes).toBe(1);
});

test('what is made of no text is made again', () => {
  const texts = new FrameTexts(new OneByOne(mainTurns, 'frames'));
  const frame = {};
  expect(texts.of(frame, 'a', () => null)).toBeNull();
  expect(texts.of(frame, 'a', text(1))?.bytes).toBe(1);
});
