import { GraphQLError } from 'graphql';
import { servingLimits } from '../../serving-limits.ts';

/**
 * Throws `LIMIT_EXCEEDED` for a document whose brackets stand too deep within each other: the parser
 * follows them by recursion. Up to the first place that is no GraphQL, where the parser stops,
 * strings and comments are found as it finds them.
 */
export function checkDocumentNesting(text: string): void {
  const max = servingLimits.graphqlNestingMax;
  if (!documentNestsDeeper(text, max)) return;
  throw new GraphQLError(`the document may nest ${max} levels deep at most`, {
    extensions: { code: 'LIMIT_EXCEEDED', details: { limit: 'graphqlNestingMax', max } },
  });
}

function documentNestsDeeper(text: string, depthMax: number): boolean {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    switch (text[at]) {
      case '{':
      case '[':
      case '(':
        if (++depth > depthMax) return true;
        break;
      case '}':
      case ']':
      case ')':
        depth--;
        break;
      case '#':
        while (at < text.length && text[at] !== '\n' && text[at] !== '\r') at++;
        break;
      case '"':
        at = text.startsWith('"""', at) ? endOfBlock(text, at) : endOfString(text, at);
    }
  }
  return false;
}

/** The place of the closing quote, or of the line's end where there is none. */
function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text[at] !== '"' && text[at] !== '\n' && text[at] !== '\r') {
    at += text[at] === '\\' ? 2 : 1;
  }
  return at;
}

/** The place of the last of the three closing quotes; `\"""` is not they. */
function endOfBlock(text: string, start: number): number {
  for (let at = start + 3; ; at += 3) {
    at = text.indexOf('"""', at);
    if (at < 0) return text.length;
    if (text[at - 1] !== '\\') return at + 2;
  }
}
