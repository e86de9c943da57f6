import { type ListEdge, type ListPage, listEdges, listPageInfo } from '../resolvers/list-page.ts';
import { position } from '../resolvers/position.ts';
import { anyType } from './any-type.ts';
import type { SchemaScope } from './scope.ts';
import type { SharedTypes } from './shared-types.ts';

export interface ConnectionParts {
  /** What `Connection` and `Edge` are appended to. */
  readonly typeName: string;
  /** The reference of the type of its nodes. */
  readonly node: unknown;
  /** What it is a page of, and what an edge holds. */
  readonly of: string;
  readonly edge: string;
  readonly noun: 'row' | 'session' | 'record';
  /** The field that says what the page is true of; null of a list that is of no place in the log. */
  readonly position: {
    readonly name: 'position' | 'coveredPosition';
    readonly description: string;
  } | null;
}

/** The type of a page, as Relay's clients know it: `nodes`, `edges`, `pageInfo`, and its position. */
export function addConnection<Node>(
  { builder }: SchemaScope,
  shared: SharedTypes,
  parts: ConnectionParts,
) {
  const edge = builder.objectRef<ListEdge<Node>>(`${parts.typeName}Edge`).implement({
    description: `${parts.edge} in a page.`,
    fields: (t) => ({
      node: t.field({
        type: anyType(parts.node),
        description: `The ${parts.noun}.`,
        resolve: ({ node }) => node,
      }),
      cursor: t.exposeString('cursor', {
        description: `What to give as \`after\` to go on behind this ${parts.noun}.`,
      }),
    }),
  });
  return builder.objectRef<ListPage<Node>>(`${parts.typeName}Connection`).implement({
    description: `A page of ${parts.of}.`,
    fields: (t) => ({
      nodes: t.field({
        type: anyType([parts.node]),
        description: `The ${parts.noun}s.`,
        resolve: ({ nodes }) => nodes,
      }),
      edges: t.field({
        type: [edge],
        description: `The ${parts.noun}s, each with its cursor.`,
        resolve: (page) => listEdges(page),
      }),
      pageInfo: t.field({
        type: shared.pageInfo,
        description: 'Whether and how the list goes on.',
        resolve: listPageInfo,
      }),
      ...(parts.position === null
        ? {}
        : {
            [parts.position.name]: t.field({
              type: 'Position',
              description: parts.position.description,
              resolve: position,
            }),
          }),
    }),
  });
}
