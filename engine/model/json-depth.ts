import { EngineError } from './errors.ts';
import { limits } from './limits.ts';

/**
 * Whether objects and lists in a JSON text stand more than `depthMax` within each other: `[]` is
 * one level. Scans, because `JSON.parse` takes any depth and whatever walks its answer does not.
 */
export function textNestsDeeper(text: string, depthMax: number): boolean {
  // What is opened is closed, so a level takes two characters; what is not JSON has no depth.
  if (text.length <= 2 * depthMax) return false;
  let depth = 0;
  let isInText = false;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (isInText) {
      if (unit === backslash) at++;
      else if (unit === quote) isInText = false;
    } else if (unit === quote) isInText = true;
    else if (unit === openBracket || unit === openBrace) {
      if (++depth > depthMax) return true;
    } else if (unit === closeBracket || unit === closeBrace) depth--;
  }
  return false;
}

/**
 * Whether objects and lists in a parsed value stand more than `depthMax` within each other. Goes no
 * deeper than the bound itself.
 */
export function valueNestsDeeper(value: unknown, depthMax: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (depthMax === 0) return true;
  const members = value as Readonly<Record<string, unknown>>;
  for (const name in members) if (valueNestsDeeper(members[name], depthMax - 1)) return true;
  return false;
}

/** The error for a value of a JSON column that nests deeper than `jsonDepthMax`. */
export function jsonTooDeep(path: string): EngineError {
  const max = limits.jsonDepthMax;
  return new EngineError('LIMIT_EXCEEDED', `${path}: JSON may nest ${max} levels deep at most`, {
    details: { path, limit: 'jsonDepthMax', max },
  });
}

const quote = 0x22;
const backslash = 0x5c;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;
