import { expect, test } from 'vitest';
import { EngineError } from '../../engine/model/errors.ts';
import { readableLine } from '../../src/telemetry/readable-lines.ts';
import { refusalOf } from '../../src/telemetry/refusal.ts';

const at = { time: '2026-11-30T14:31:25.737Z', pid: 7 };

test('a line on a terminal is one a person reads', () => {
  const line = JSON.stringify({ level: 30, ...at, url: 'http://127.0.0.1:4800', msg: 'serving' });
  expect(readableLine(line)).toBe('14:31:25.737 INFO  serving url=http://127.0.0.1:4800\n');
});

test('an error shows its stack, a warning its message alone', () => {
  const error = { type: 'Error', message: 'no room', stack: 'Error: no room\n    at there' };
  const shown = (level: number) => readableLine(JSON.stringify({ level, ...at, error, msg: 'x' }));
  expect(shown(50)).toBe('14:31:25.737 ERROR x error="no room"\nError: no room\n    at there\n');
  expect(shown(40)).toBe('14:31:25.737 WARN  x error="no room"\n');
});

test('what a client chose cannot steer the terminal or begin a line', () => {
  const line = JSON.stringify({ level: 30, ...at, name: '\u001b[2Jgone\nFATAL', msg: 'm' });
  expect(readableLine(line)).toBe('14:31:25.737 INFO  m name="\ufffd[2Jgone\\nFATAL"\n');
});

test('a refusal in the log says what lies behind it, without a stack', () => {
  const cause = new Error('fetch failed', { cause: new Error('connect ECONNREFUSED') });
  const refusal = refusalOf(new EngineError('UNAVAILABLE', 'no tokens now', { cause }));
  expect(refusal).toEqual({
    code: 'UNAVAILABLE',
    reason: 'no tokens now: fetch failed: connect ECONNREFUSED',
  });
});
