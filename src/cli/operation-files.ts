import { readFileSync } from 'node:fs';
import {
  type DocumentNode,
  type FragmentDefinitionNode,
  GraphQLError,
  type GraphQLSchema,
  Kind,
  type OperationDefinitionNode,
  parse,
  print,
  Source,
  validate,
  visit,
} from 'graphql';
import { Catalog } from '../../engine/model/catalog.ts';
import type { TitleManifest } from '../../engine/model/types.ts';
import { buildSchema } from '../../schema/build-schema.ts';
import { operationId } from '../api/graphql/operation-list.ts';

interface ReadFile {
  readonly path: string;
  readonly text: string;
  readonly document: DocumentNode;
}

/**
 * The operations that stand in files of GraphQL, each with the fragments that it uses, from whichever
 * file, as graphql-js prints them. A file that is one operation is there as it stands, too: some clients
 * send that. Throws, naming file and line of all that are not valid under the manifest.
 */
export async function operationDocuments(
  patterns: readonly string[],
  manifest: TitleManifest,
): Promise<string[]> {
  const { glob } = await import('tinyglobby');
  const paths = (await glob([...patterns], { expandDirectories: false })).sort();
  if (paths.length === 0) throw new Error(`no file fits ${patterns.join(' ')}`);
  const files = paths.map(readFile);
  const schema = buildSchema(new Catalog(manifest));
  const fragments = fragmentsOf(files);
  const problems: string[] = [];
  const documents = files.flatMap(({ path, text, document }) => {
    const operations = document.definitions.filter(isOperation);
    return operations.flatMap((operation) => {
      const whole = withFragments(operation, fragments);
      problems.push(...problemsOf(schema, whole, path, operation));
      const isFile = document.definitions.length === 1;
      return isFile ? [print(whole), text] : [print(whole)];
    });
  });
  if (problems.length > 0) throw new Error(problems.join('\n'));
  return documents;
}

/** A list of operations as JSON: each document by its SHA-256, a line each, in one order. */
export function operationListText(documents: readonly string[]): string {
  const byId = new Map(documents.map((document) => [operationId(document), document]));
  const sorted = [...byId].sort(([one], [other]) => (one < other ? -1 : 1));
  return `${JSON.stringify(Object.fromEntries(sorted), null, 2)}\n`;
}

function readFile(path: string): ReadFile {
  const text = readFileSync(path, 'utf8');
  try {
    return { path, text, document: parse(new Source(text, path)) };
  } catch (error) {
    throw error instanceof GraphQLError ? new Error(placed(path, error)) : error;
  }
}

function isOperation(definition: { readonly kind: Kind }): definition is OperationDefinitionNode {
  return definition.kind === Kind.OPERATION_DEFINITION;
}

function fragmentsOf(files: readonly ReadFile[]): ReadonlyMap<string, FragmentDefinitionNode> {
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const { path, document } of files) {
    for (const definition of document.definitions) {
      if (definition.kind !== Kind.FRAGMENT_DEFINITION) continue;
      const name = definition.name.value;
      if (fragments.has(name)) {
        const line = definition.loc?.startToken.line ?? 1;
        throw new Error(`${path}:${line}: there is another fragment "${name}" in these files`);
      }
      fragments.set(name, definition);
    }
  }
  return fragments;
}

/** An operation with what it spreads, in the order of first use. */
function withFragments(
  operation: OperationDefinitionNode,
  fragments: ReadonlyMap<string, FragmentDefinitionNode>,
): DocumentNode {
  const used = new Map<string, FragmentDefinitionNode>();
  const follow = (node: OperationDefinitionNode | FragmentDefinitionNode): void => {
    visit(node, {
      FragmentSpread({ name: { value: name } }) {
        const fragment = fragments.get(name);
        if (fragment === undefined || used.has(name)) return;
        used.set(name, fragment);
        follow(fragment);
      },
    });
  };
  follow(operation);
  return { kind: Kind.DOCUMENT, definitions: [operation, ...used.values()] };
}

function problemsOf(
  schema: GraphQLSchema,
  document: DocumentNode,
  path: string,
  { name, loc }: OperationDefinitionNode,
): string[] {
  const at = `${path}:${loc?.startToken.line ?? 1}`;
  if (name === undefined) return [`${at}: an operation of a list needs a name`];
  return validate(schema, document).map((error) => placed(path, error));
}

/** A fragment may stand in another file than the operation that spreads it. */
function placed(path: string, error: GraphQLError): string {
  const line = error.locations?.[0]?.line ?? 1;
  return `${error.source?.name ?? path}:${line}: ${error.message}`;
}
