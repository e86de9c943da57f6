import {
  buildSchema,
  type DocumentNode,
  type ExecutionArgs,
  type ExecutionResult,
  execute,
  GraphQLError,
  type GraphQLSchema,
  parse,
  printSchema,
  validate,
} from 'graphql';
import { LRUCache } from 'lru-cache';
import type { Catalog } from '../../../engine/model/catalog.ts';
import type { ErrorCode } from '../../../engine/model/errors.ts';
import type { RoleDefinition } from '../../../engine/model/types.ts';
import { schemaOfRole } from '../../../schema/role-schema.ts';
import { servingLimits } from '../../serving-limits.ts';
import { type Description, describe } from '../description-endpoints.ts';
import { DocumentCache } from './document-cache.ts';

/** What of the schema a role may use. */
export interface RoleSchema {
  /** Null where it may ask nothing. */
  readonly schema: GraphQLSchema | null;
  /** `schema.graphql`. */
  readonly printed: Description;
  /** What is wrong with documents, as the role may be told it, by their text. */
  readonly problems: DocumentCache<readonly GraphQLError[]>;
}

/**
 * The parts of a title's schema that roles may use: what introspection and `schema.graphql` show, and
 * what errors tell by their suggestions. One for each set of rights, made when it is first asked for.
 * Requests themselves run on the whole schema, which refuses by the rule.
 */
export class RoleSchemas {
  readonly #schema: GraphQLSchema;
  readonly #catalog: Catalog;
  readonly #byRights = new LRUCache<string, RoleSchema>({ max: servingLimits.roleSchemasMax });

  constructor(schema: GraphQLSchema, catalog: Catalog) {
    this.#schema = schema;
    this.#catalog = catalog;
  }

  of({ capabilities, tables, views, class: queryClass }: RoleDefinition): RoleSchema {
    const rights = JSON.stringify([capabilities, tables, views]);
    const known = this.#byRights.get(rights);
    if (known !== undefined) return known;
    const role = { name: '', capabilities, tables, views, class: queryClass };
    const schema = schemaOfRole(this.#schema, this.#catalog, role);
    const content = schema === null ? '' : printSchema(schema);
    const problems = new DocumentCache<readonly GraphQLError[]>();
    const made = { schema, printed: describe(content), problems };
    this.#byRights.set(rights, made);
    return made;
  }

  /**
   * Runs a query or mutation by `run`, on the whole schema; one that looks at the schema itself, on the
   * part of the role. So are variables refused that fit neither.
   */
  execute(
    args: ExecutionArgs,
    role: RoleDefinition | null,
    query: string,
    run: (args: ExecutionArgs) => ExecutionResult | Promise<ExecutionResult>,
  ): ExecutionResult | Promise<ExecutionResult> {
    if (looksAtSchema.test(query)) {
      const schema = role === null ? null : this.of(role).schema;
      return schema === null ? { errors: [nothingToSee()] } : execute({ ...args, schema });
    }
    const result = run(args);
    return 'then' in result || !refusesVariables(result)
      ? result
      : execute({ ...args, schema: this.#partOf(role) });
  }

  /** What refuses the variables of a subscription, as the role may be told it. */
  async subscribe<T>(
    args: ExecutionArgs,
    role: RoleDefinition | null,
    run: (args: ExecutionArgs) => Promise<T | ExecutionResult>,
  ): Promise<T | ExecutionResult> {
    const result = await run(args);
    return refusesVariables(result) ? run({ ...args, schema: this.#partOf(role) }) : result;
  }

  /** What is wrong with a document, as the role may be told it: what it may not use is unknown to it. */
  problemsOf(
    document: DocumentNode | string,
    role: RoleDefinition | null,
  ): readonly GraphQLError[] {
    if (typeof document !== 'string' || role === null) return this.#validated(document, role);
    const { problems } = this.of(role);
    const known = problems.get(document);
    if (known !== undefined) return known;
    const told = this.#validated(document, role);
    problems.set(document, told);
    return told;
  }

  #validated(document: DocumentNode | string, role: RoleDefinition | null) {
    const parsed = typeof document === 'string' ? parse(document) : document;
    const maxErrors = servingLimits.graphqlValidationErrorsMax;
    const told = validate(this.#partOf(role), parsed, undefined, { maxErrors });
    // An operation of a kind that the role has nothing of is not looked into.
    return told.length > 0 ? told : [new GraphQLError(noneOfIt)];
  }

  /** Who may ask nothing is told nothing: every field is unknown to it. */
  #partOf(role: RoleDefinition | null): GraphQLSchema {
    return (role === null ? null : this.of(role).schema) ?? nothing;
  }
}

const noneOfIt = 'the role may use nothing of what the document asks';

/** A schema without anything. */
const nothing = buildSchema('type Query { nothing: Boolean }');

function refusesVariables(result: unknown): result is ExecutionResult {
  const { errors, data } = result as Partial<ExecutionResult>;
  return Array.isArray(errors) && data === undefined && errors.some((error) => !error.path);
}

/** In the text of a document, in which no name can be written otherwise. */
const looksAtSchema = /\b__(?:schema|type)\b/;

function nothingToSee(): GraphQLError {
  const code: ErrorCode = 'FORBIDDEN';
  return new GraphQLError('the token names no role of this title that may ask anything of it', {
    extensions: { code, details: { role: null } },
  });
}
