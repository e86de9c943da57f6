/**
 * SQL with `?` in the place of values, so that statements that differ in nothing else are one:
 * comments and line breaks leave, lists of values become one. It is for eyes and fingerprints, and
 * decides nothing: what may run is decided by what ClickHouse makes of the text.
 */
export function sqlShape(sql: string): string {
  return sql
    .replace(token, (text) => {
      if (text.startsWith('--') || text.startsWith('#') || text.startsWith('/*')) return ' ';
      return text.startsWith('`') || text.startsWith('"') ? text : '?';
    })
    .replace(/\s+/g, ' ')
    .replace(/\?(?:\s*,\s*\?)+/g, '?…')
    .trim();
}

/** Comments, quoted names, texts, and numbers that are no part of a name. */
const token =
  /--[^\n]*|#[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|`(?:[^`\\]|\\[\s\S])*`?|"(?:[^"\\]|\\[\s\S])*"?|'(?:[^'\\]|\\[\s\S]|'')*'?|(?<![\w.])(?:0x[\da-f]+|\d+(?:\.\d*)?(?:e[+-]?\d+)?|\.\d+(?:e[+-]?\d+)?)/gi;
