import {
  type DocumentNode,
  type GraphQLInputType,
  GraphQLScalarType,
  GraphQLSchema,
  isInputObjectType,
  Kind,
  type OperationDefinitionNode,
  OperationTypeNode,
  type TypeNode,
  typeFromAST,
  type VariableDefinitionNode,
} from 'graphql';
import { InputCoercers, unfit } from './input-coercer.ts';

/** What an executor is given: graphql-js's own `ExecutionArgs` fits. */
export interface ExecutionInput {
  readonly schema: GraphQLSchema;
  readonly document: DocumentNode;
  readonly operationName?: string | null | undefined;
  readonly variableValues?: Readonly<Record<string, unknown>> | null | undefined;
}

/**
 * Spares graphql-js the coercion of a mutation's variables that are input objects.
 *
 * `prepare` coerces them itself and answers what to execute instead: the same document with those
 * variables declared as a scalar that takes anything, on a schema that has it. Of variables that do
 * not fit, or operations without any, it answers null: execute what was asked, and graphql-js says
 * what is wrong. Only mutations carry large inputs, and only queries can look at the schema and so
 * notice that scalar. Documents must have passed validation against the schema of the constructor.
 */
export class FastVariables {
  readonly #schema: GraphQLSchema;
  readonly #executionSchema: GraphQLSchema;
  readonly #coercers = new InputCoercers();
  readonly #plans = new WeakMap<DocumentNode, ReadonlyMap<OperationDefinitionNode, Plan>>();

  constructor(schema: GraphQLSchema) {
    this.#schema = schema;
    const config = schema.toConfig();
    this.#executionSchema = new GraphQLSchema({
      ...config,
      types: [...config.types, coercedInput],
      assumeValid: true,
    });
  }

  prepare(
    input: ExecutionInput,
  ): Required<Pick<ExecutionInput, 'schema' | 'document' | 'variableValues'>> | null {
    const { document, operationName, variableValues } = input;
    if (input.schema !== this.#schema || !variableValues) return null;
    const plan = this.#planOf(document, operationName ?? null);
    if (!plan || plan.variables.length === 0) return null;
    const coerced: Record<string, unknown> = { ...variableValues };
    for (const { name, coerce } of plan.variables) {
      // A variable that is not given has a default, or is missing: either way graphql-js knows.
      if (!Object.hasOwn(variableValues, name)) return null;
      const value = coerce(variableValues[name]);
      if (value === unfit) return null;
      coerced[name] = value;
    }
    return { schema: this.#executionSchema, document: plan.document, variableValues: coerced };
  }

  #planOf(document: DocumentNode, operationName: string | null): Plan | undefined {
    let plans = this.#plans.get(document);
    if (!plans) {
      plans = new Map(operationsOf(document).map((node) => [node, this.#plan(document, node)]));
      this.#plans.set(document, plans);
    }
    const operations = [...plans.keys()];
    const operation =
      operationName === null
        ? operations.length === 1
          ? operations[0]
          : undefined
        : operations.find((node) => node.name?.value === operationName);
    return operation && plans.get(operation);
  }

  #plan(document: DocumentNode, operation: OperationDefinitionNode): Plan {
    const variables: Plan['variables'][number][] = [];
    if (operation.operation !== OperationTypeNode.MUTATION) return { document, variables };
    const definitions = (operation.variableDefinitions ?? []).map((definition) => {
      const type = typeFromAST(this.#schema, definition.type as never) as GraphQLInputType;
      if (!hasInputObject(definition, this.#schema)) return definition;
      variables.push({ name: definition.variable.name.value, coerce: this.#coercers.of(type) });
      return { ...definition, type: coercedInputNode };
    });
    const rewritten = { ...operation, variableDefinitions: definitions };
    return {
      variables,
      document: {
        ...document,
        definitions: document.definitions.map((node) => (node === operation ? rewritten : node)),
      },
    };
  }
}

interface Plan {
  readonly document: DocumentNode;
  /** The variables whose type is, or lists, an input object. */
  readonly variables: readonly {
    readonly name: string;
    readonly coerce: (value: unknown) => unknown;
  }[];
}

const coercedInput = new GraphQLScalarType({
  name: 'CoercedInput',
  description: 'A value that has been coerced already. Part of no schema that clients see.',
});

const coercedInputNode: TypeNode = {
  kind: Kind.NAMED_TYPE,
  name: { kind: Kind.NAME, value: coercedInput.name },
};

function operationsOf(document: DocumentNode): OperationDefinitionNode[] {
  return document.definitions.filter((node) => node.kind === Kind.OPERATION_DEFINITION);
}

function hasInputObject(definition: VariableDefinitionNode, schema: GraphQLSchema): boolean {
  let node = definition.type;
  while (node.kind !== Kind.NAMED_TYPE) node = node.type;
  return isInputObjectType(schema.getType(node.name.value));
}
