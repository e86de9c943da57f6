import { type DocumentNode, type ParseOptions, parse } from 'graphql';
import { servingLimits } from '../../serving-limits.ts';
import { checkDocumentCost } from './document-cost.ts';
import { checkDocumentNesting } from './document-nesting.ts';

/**
 * Parses a document within the bounds on what it costs to parse, to validate and to run. Throws syntax
 * errors and `LIMIT_EXCEEDED`.
 */
export function parseWithinBounds(text: string, options: ParseOptions = {}): DocumentNode {
  checkDocumentNesting(text);
  const document = parse(text, { ...options, maxTokens: servingLimits.graphqlTokensMax });
  checkDocumentCost(document);
  return document;
}
