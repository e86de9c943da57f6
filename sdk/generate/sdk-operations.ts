import { operationDocuments } from '../runtime/operations.ts';
import { describeTitle } from './generate-sdk.ts';

/**
 * The GraphQL documents that the generated client of a title sends, for a list of operations. Those of
 * groups, of lists with `columns` and of `graphql` are the caller's own, and not among them. Throws as
 * `generateSdk` does.
 */
export function sdkOperations(manifestJson: unknown): string[] {
  return operationDocuments(describeTitle(manifestJson));
}
