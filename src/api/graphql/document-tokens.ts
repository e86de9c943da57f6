import { type DocumentNode, GraphQLError, type ParseOptions, parse, type Source } from 'graphql';
import { servingLimits } from '../../serving-limits.ts';

/** Parses a document. Throws `LIMIT_EXCEEDED` for one of too many tokens, else a syntax error. */
export function parseBounded(source: string | Source, options?: ParseOptions): DocumentNode {
  const max = servingLimits.graphqlTokensMax;
  try {
    return parse(source, { ...options, maxTokens: max });
  } catch (error) {
    if (!(error instanceof GraphQLError) || !tooManyTokens.test(error.message)) throw error;
    throw new GraphQLError(
      `the document has more than ${max} tokens; what is large in it belongs in variables`,
      { extensions: { code: 'LIMIT_EXCEEDED', details: { limit: 'graphqlTokensMax', max } } },
    );
  }
}

/** What the parser says, at which no text of the document can begin; it has no code for it. */
const tooManyTokens = /^Syntax Error: Document contains more tha[tn] \d+ tokens/;
