import type { Lsn } from '../engine/model/position.ts';

/** A page of a list, and the position it is true of. */
export interface ListPage<Node> {
  readonly nodes: readonly Node[];
  readonly hasNextPage: boolean;
  /** Whether it was asked for by a cursor: what that cursor ended lies before it. */
  readonly isAfter: boolean;
  readonly lsn: Lsn;
  /** What to give as `after` to go on behind `nodes[index]`. */
  cursorAt(index: number): string;
}

export interface ListEdge<Node> {
  readonly node: Node;
  readonly cursor: string;
}

/** What a page says of its place in the list, as Relay's cursor connections have it. */
export interface PageInfo {
  readonly hasNextPage: boolean;
  readonly hasPreviousPage: boolean;
  readonly startCursor: string | null;
  readonly endCursor: string | null;
}

export function listEdges<Node>(page: ListPage<Node>): ListEdge<Node>[] {
  return page.nodes.map((node, i) => ({ node, cursor: page.cursorAt(i) }));
}

export function listPageInfo(page: ListPage<unknown>): PageInfo {
  const { nodes, hasNextPage, isAfter } = page;
  const isEmpty = nodes.length === 0;
  return {
    hasNextPage,
    hasPreviousPage: isAfter,
    startCursor: isEmpty ? null : page.cursorAt(0),
    endCursor: isEmpty ? null : page.cursorAt(nodes.length - 1),
  };
}
