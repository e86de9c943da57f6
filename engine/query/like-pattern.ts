/**
 * SQL's `like` as ClickHouse reads it: `%` is any run, `_` one code point, and a backslash before
 * `%`, `_` or another backslash takes its meaning away. Case matters; the whole text must match.
 *
 * A greedy walk that goes back to the last `%` only, so a hostile pattern costs at most pattern
 * length times text length. A regular expression with several `.*` would cost far more.
 */
export function likeMatcher(pattern: string): (text: string) => boolean {
  const tokens = tokenize(pattern);
  return (text) => matches(tokens, text);
}

/** What is wrong with a pattern, or null. The column store and this room then read it alike. */
export function likePatternProblem(pattern: string): string | null {
  return /^(?:[^\\]|\\[\\%_])*$/s.test(pattern)
    ? null
    : 'a backslash must stand before %, _ or another backslash';
}

/** A literal UTF-16 unit, or a wildcard. */
type Token = number | 'run' | 'one';

function tokenize(pattern: string): readonly Token[] {
  const tokens: Token[] = [];
  for (let i = 0; i < pattern.length; i++) {
    const character = pattern[i] as string;
    if (character === '%') {
      if (tokens.at(-1) !== 'run') tokens.push('run');
    } else if (character === '_') {
      tokens.push('one');
    } else {
      const next = pattern[i + 1];
      const escapes = character === '\\' && (next === '\\' || next === '%' || next === '_');
      if (escapes) i += 1;
      tokens.push(pattern.charCodeAt(i));
    }
  }
  return tokens;
}

function matches(tokens: readonly Token[], text: string): boolean {
  let token = 0;
  let at = 0;
  // Where to go on if the walk fails: behind the last `%`, which then takes one code point more.
  let retryToken = -1;
  let retryAt = 0;
  while (at < text.length) {
    const wanted = tokens[token];
    if (wanted === 'run') {
      token += 1;
      retryToken = token;
      retryAt = at;
    } else if (wanted === 'one') {
      token += 1;
      at += unitsAt(text, at);
    } else if (wanted === text.charCodeAt(at)) {
      token += 1;
      at += 1;
    } else if (retryToken >= 0) {
      retryAt += unitsAt(text, retryAt);
      token = retryToken;
      at = retryAt;
    } else {
      return false;
    }
  }
  while (tokens[token] === 'run') token += 1;
  return token === tokens.length;
}

function unitsAt(text: string, index: number): 1 | 2 {
  return (text.codePointAt(index) as number) > 0xffff ? 2 : 1;
}
