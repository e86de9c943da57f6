import { expect, test } from 'vitest';
import { shortMessage } from '../../resolvers/short-message.ts';

test('a message that echoes little is told as it is', () => {
  const message = `${'"a" is not one of B, C; '.repeat(12)}…`;
  expect(shortMessage(message)).toBe(message);
});

test('of a long quoted text the start is told, and what follows it', () => {
  const text = JSON.stringify('a "b" \\ '.repeat(50_000));
  expect(shortMessage(`got invalid value ${text} at "input.fence"; no number: ${text}.`)).toBe(
    `got invalid value ${text.slice(0, 100)}…" at "input.fence"; no number: ${text.slice(0, 100)}…".`,
  );
});

test('of a long word without quotes the start is told', () => {
  const digits = '9'.repeat(200_000);
  expect(shortMessage(`no 32-bit integer: ${digits}`)).toBe(
    `no 32-bit integer: ${'9'.repeat(100)}…`,
  );
});

test('of many short parts the first and the last are told', () => {
  const message = `got invalid value { ${'a: "b", '.repeat(10_000)}} at "input"`;
  const short = shortMessage(message);
  expect(short.length).toBeLessThan(1_100);
  expect(short).toMatch(/^got invalid value \{ a: "b".*… ….*\} at "input"$/);
});
