import type { DocumentNode, ParseOptions } from 'graphql';
import { checkDocumentCost } from './document-cost.ts';
import { checkDocumentNesting } from './document-nesting.ts';
import { parseBounded } from './document-tokens.ts';

/**
 * Parses a document within the bounds on what it costs to parse, to validate and to run. Throws syntax
 * errors and `LIMIT_EXCEEDED`.
 */
export function parseWithinBounds(text: string, options: ParseOptions = {}): DocumentNode {
  checkDocumentNesting(text);
  const document = parseBounded(text, options);
  checkDocumentCost(document);
  return document;
}
