import {
  type DefinitionNode,
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  GraphQLError,
  Kind,
  type SelectionSetNode,
  visit,
} from 'graphql';
import { limits } from '../../../engine/model/limits.ts';
import { servingLimits } from '../../serving-limits.ts';

/**
 * Throws `LIMIT_EXCEEDED` for a parsed document that would cost too much to validate or to run:
 * validation compares fields with fields and fragments with fragments, so it costs up to the square
 * of what it is given. The parser has bounded its tokens and `checkDocumentNesting` its depth.
 */
export function checkDocumentCost(document: DocumentNode): void {
  const { definitions } = document;
  atMost(definitions.length, 'graphqlDefinitionsMax', 'operations and fragments in a document');
  countDirectives(document);
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const definition of definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) {
      fragments.set(definition.name.value, definition);
    }
  }
  for (const definition of definitions) {
    if (hasSelection(definition)) new Selection(fragments).measure(definition);
  }
}

type Selecting = DefinitionNode & { readonly selectionSet: SelectionSetNode };

function hasSelection(definition: DefinitionNode): definition is Selecting {
  return 'selectionSet' in definition;
}

function countDirectives(document: DocumentNode): void {
  let directives = 0;
  visit(document, {
    Directive() {
      atMost(++directives, 'graphqlDirectivesMax', 'directives in a document');
      return false;
    },
  });
}

/** Where the fields of one parent stand, by the name each answers under. */
type Level = Map<string, Answers>;

/** The fields that answer under one name of one parent, and what stands below them. */
interface Answers {
  count: number;
  argumentChars: number;
  readonly below: Level;
}

interface Pending {
  readonly set: SelectionSetNode;
  readonly depth: number;
  readonly level: Level;
  /** The fragments that it stands within. */
  readonly within: readonly string[];
}

/**
 * What one operation or fragment selects, fragments spread out. The walk ends at the first bound
 * that is passed, so it is bounded too. A fragment within itself is not entered again: that it is
 * there is for validation to say.
 */
class Selection {
  readonly #fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  #fields = 0;
  #aliases = 0;
  #compared = 0;

  constructor(fragments: ReadonlyMap<string, FragmentDefinitionNode>) {
    this.#fragments = fragments;
  }

  measure(root: Selecting): void {
    const within = root.kind === Kind.FRAGMENT_DEFINITION ? [root.name.value] : [];
    const pending: Pending[] = [{ set: root.selectionSet, depth: 1, level: new Map(), within }];
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      this.#enter(next, pending);
    }
  }

  #enter({ set, depth, level, within }: Pending, pending: Pending[]): void {
    atMost(depth, 'graphqlDepthMax', 'levels of fields, fragments spread out');
    for (const selection of set.selections) {
      this.#fields++;
      atMost(this.#fields, 'graphqlFieldsMax', 'fields, fragments spread out');
      if (selection.kind === Kind.FIELD) {
        const below = this.#answer(selection, level);
        if (selection.selectionSet !== undefined) {
          pending.push({ set: selection.selectionSet, depth: depth + 1, level: below, within });
        }
      } else if (selection.kind === Kind.INLINE_FRAGMENT) {
        pending.push({ set: selection.selectionSet, depth: depth + 1, level, within });
      } else {
        const name = selection.name.value;
        const spread = this.#fragments.get(name)?.selectionSet;
        if (spread === undefined || within.includes(name)) continue;
        pending.push({ set: spread, depth: depth + 1, level, within: [...within, name] });
      }
    }
  }

  /** Takes a field to those of its name, with each of which validation will compare it. */
  #answer(field: FieldNode, level: Level): Level {
    const name = (field.alias ?? field.name).value;
    let answers = level.get(name);
    if (answers === undefined) {
      answers = { count: 0, argumentChars: 0, below: new Map() };
      level.set(name, answers);
      if (field.alias !== undefined) this.#aliases++;
      atMost(this.#aliases, 'graphqlAliasesMax', 'aliases, fragments spread out');
    }
    const before = answers.count * answers.argumentChars;
    answers.count++;
    answers.argumentChars += comparisonChars + charsOf(field.arguments ?? []);
    if (answers.count > 1) this.#compared += answers.count * answers.argumentChars - before;
    atMost(
      this.#compared,
      'graphqlComparedCharsMax',
      'characters of fields of one name to compare',
    );
    return answers.below;
  }
}

/** A comparison of two fields without arguments costs about as much as so many characters of them. */
const comparisonChars = 16;

function charsOf(nodes: NonNullable<FieldNode['arguments']>): number {
  const start = nodes[0]?.loc?.start ?? 0;
  return (nodes.at(-1)?.loc?.end ?? start) - start;
}

const bounds = { ...limits, ...servingLimits };

function atMost(count: number, limit: keyof typeof bounds, what: string): void {
  const max = bounds[limit];
  if (count <= max) return;
  throw new GraphQLError(`the document has more than ${max} ${what}`, {
    extensions: { code: 'LIMIT_EXCEEDED', details: { limit, max } },
  });
}
