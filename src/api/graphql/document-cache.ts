import { LRUCache } from 'lru-cache';
import { servingLimits } from '../../serving-limits.ts';

/**
 * The most recently used values by document text. Long documents are not kept: their literals make
 * them one of a kind, and they would fill the memory.
 */
export class DocumentCache<Value extends {}> extends LRUCache<string, Value> {
  constructor() {
    super({
      max: servingLimits.graphqlDocumentsCachedMax,
      maxEntrySize: servingLimits.graphqlDocumentCachedCharsMax,
      sizeCalculation: (_, text) => Math.max(1, text.length),
    });
  }
}
