import type { ColumnFollower } from './column-follower.ts';
import type { ColumnQueries } from './column-queries.ts';

/**
 * The analytical projection of one title's log. Whoever opens it holds both of its sides; the write
 * path sees the follower alone, resolvers the queries alone.
 */
export interface ColumnStore extends ColumnFollower, ColumnQueries {}
