import { describe, expect, it } from 'vitest';
import { DocumentCache } from '../../src/api/graphql/document-cache.ts';
import { servingLimits } from '../../src/serving-limits.ts';

describe('the cache of parsed documents', () => {
  it('keeps so many, and of one more drops the one that was unused longest', () => {
    const cache = new DocumentCache<number>();
    const most = servingLimits.graphqlDocumentsCachedMax;
    for (let i = 0; i < most; i++) cache.set(`query ${i}`, i);
    // Asked for in order, so that afterwards the first is the one unused longest again.
    const kept = () =>
      Array.from({ length: most + 1 }, (_, i) => i).filter((i) => cache.get(`query ${i}`) === i);
    expect(kept()).toEqual(Array.from({ length: most }, (_, i) => i));
    cache.get('query 0');
    cache.set(`query ${most}`, most);
    expect(kept()).toEqual([0, ...Array.from({ length: most - 1 }, (_, i) => i + 2)]);
  });

  it('keeps a document up to a length, and none longer', () => {
    const cache = new DocumentCache<string>();
    const longest = '#'.repeat(servingLimits.graphqlDocumentCachedCharsMax);
    cache.set(longest, 'longest');
    cache.set(`${longest}#`, 'too long');
    expect([cache.get(longest), cache.get(`${longest}#`)]).toEqual(['longest', undefined]);
  });
});
