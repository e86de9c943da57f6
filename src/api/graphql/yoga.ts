import {
  type DocumentNode,
  type ExecutionArgs,
  type ExecutionResult,
  GraphQLError,
  type GraphQLSchema,
  getOperationAST,
  type OperationDefinitionNode,
  validate,
} from 'graphql';
import { createYoga, type Plugin } from 'graphql-yoga';
import { EngineError, type ErrorCode } from '../../../engine/model/errors.ts';
import type { ErrorPhase } from '../../../resolvers/errors.ts';
import { statusOf } from '../../http/status.ts';
import { servingLimits } from '../../serving-limits.ts';
import type { Answers } from './answer.ts';
import { AnsweredFrames, subscribeToFrames } from './answered-frames.ts';
import { DocumentCache } from './document-cache.ts';
import type { Executor } from './executor.ts';
import type { FrameTexts } from './frame-texts.ts';
import type { GraphqlParams } from './graphql-params.ts';
import type { OperationContext } from './operation-context.ts';
import { shapeOf } from './operation-shapes.ts';
import { parseWithinBounds } from './parse-document.ts';
import { printedResult } from './printed-result.ts';
import type { RoleSchemas } from './role-schemas.ts';
import { unresolvedOperation } from './unresolved-operation.ts';
import { tooManyValues } from './variable-values.ts';

/** What the server hands to yoga with a request: the operation is parsed and authenticated. */
export interface ServerContext {
  readonly operation: OperationContext;
  readonly params: GraphqlParams;
  /** Where the operation is a listed one, parsed and validated before; null: its text is to be. */
  readonly document: DocumentNode | null;
  /** Whether the client takes events, as which alone a subscription can be answered. */
  readonly takesEvents: boolean;
  /** Called with the frames of a subscription, which are answered past yoga's own response. */
  readonly onFrames: (frames: AnsweredFrames) => void;
}

export type TitleYoga = ReturnType<typeof createTitleYoga>;

/** What answers the operations of one title. */
export interface TitleParts {
  readonly executor: Executor;
  readonly roles: RoleSchemas;
  readonly answers: Answers;
  readonly texts: FrameTexts;
}

/** The GraphQL pipeline of one title; HTTP, SSE and WebSocket operations all run through it. */
export function createTitleYoga(
  schema: GraphQLSchema,
  { executor, roles, answers, texts }: TitleParts,
) {
  return createYoga<ServerContext>({
    schema,
    graphqlEndpoint: '/graphql',
    context: ({ operation }) => operation.fields(),
    batching: false,
    multipart: false,
    cors: false,
    graphiql: false,
    landingPage: false,
    logging: false,
    // Errors get their public form in `answerPlugin`, of which yoga's masking knows nothing.
    maskedErrors: false,
    // The server read the body and held it to its bound.
    maxRequestBodySize: false,
    parserAndValidationCache: {
      documentCache: new DocumentCache<DocumentNode>(),
      errorCache: new DocumentCache<Error>(),
    },
    plugins: [
      executorPlugin({ executor, roles, answers, texts }),
      parsedParamsPlugin,
      documentPlugin(answers),
      answerPlugin(answers, roles),
    ],
  });
}

/** graphql-js's own executor; the default one also serves @defer and @stream, which costs time. */
function executorPlugin({
  executor,
  roles,
  answers,
  texts,
}: TitleParts): Plugin<ServerContext, ServerContext> {
  // Yoga wraps what a subscription gives.
  const begun = new WeakMap<OperationContext, AnsweredFrames>();
  return {
    onExecute({ args: { contextValue }, setExecuteFn }) {
      const { operation, params } = contextValue;
      const run = (args: ExecutionArgs) => executor.execute(args);
      setExecuteFn(
        (args) =>
          tooManyValues(args) ?? roles.execute(args, operation.principal.role, params.query, run),
      );
    },
    onSubscribe({ args, setSubscribeFn }) {
      const refusal = args.contextValue.takesEvents ? null : { errors: [needsEvents()] };
      const { operation } = args.contextValue;
      setSubscribeFn(
        (args) =>
          refusal ??
          tooManyValues(args) ??
          withinQuota(operation, async () => {
            const begin = (args: ExecutionArgs) =>
              subscribeToFrames(args, operation, answers, texts);
            const answer = await roles.subscribe(args, operation.principal.role, begin);
            if (answer instanceof AnsweredFrames) begun.set(operation, answer);
            return answer;
          }),
      );
    },
    onResultProcess({ serverContext, setResultProcessor }) {
      // Yoga would print each frame in one go, and end late while it waits for one.
      const frames = begun.get(serverContext.operation);
      if (frames === undefined) return;
      serverContext.onFrames(frames);
      setResultProcessor((_, api) => new api.Response(null), 'text/event-stream');
    },
  };
}

/** The answer to a subscription that is refused before it begins, so that nothing of it stays. */
function needsEvents(): GraphQLError {
  const code: ErrorCode = 'BAD_USER_INPUT';
  return new GraphQLError(
    'a subscription is answered as "accept: text/event-stream", or over a WebSocket',
    { extensions: { code, details: { path: 'accept' }, http: { status: 406 } } },
  );
}

/** Subscribes unless there are too many of it; its place is free again when it has ended, or never began. */
async function withinQuota(
  operation: OperationContext,
  subscribe: () => ReturnType<typeof subscribeToFrames>,
): ReturnType<typeof subscribeToFrames> {
  const { principal, ticket } = operation;
  let end: () => void;
  try {
    end = operation.use.subscribe(principal, ticket.trace.requestId);
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    return { errors: [quotaError(error)] };
  }
  let begun: Awaited<ReturnType<typeof subscribe>> | null = null;
  try {
    begun = await subscribe();
    return begun;
  } finally {
    const { departure } = ticket;
    if (begun === null || isResult(begun) || departure.hasLeft) end();
    else departure.whenLeft(end);
  }
}

/** Before any field, where there is no path that an original error could be told by. */
function quotaError({ code, message, details, retryAfterMs }: EngineError): GraphQLError {
  const http = { status: statusOf(code) };
  return new GraphQLError(message, { extensions: { code, details, retryAfterMs, http } });
}

/** Takes the operation the server has read already. */
const parsedParamsPlugin: Plugin<object, ServerContext> = {
  onRequestParse({ serverContext, setRequestParser }) {
    setRequestParser(() => serverContext.params);
  },
};

/**
 * Bounds a document before it is validated: what it costs then, and how many errors it may have. One
 * of a list is neither parsed nor validated again.
 */
function documentPlugin(answers: Answers): Plugin<ServerContext, ServerContext> {
  return {
    onParse({ context, setParsedDocument, setParseFn }) {
      if (context.document !== null) {
        answers.documents.inc({ outcome: 'listed' });
        setParsedDocument(context.document);
        return undefined;
      }
      let isParsed = false;
      setParseFn((source, options) => {
        isParsed = true;
        return parseWithinBounds(typeof source === 'string' ? source : source.body, options);
      });
      return () => answers.documents.inc({ outcome: isParsed ? 'parsed' : 'remembered' });
    },
    onValidate({ context, setResult, setValidationFn }) {
      if (context.document !== null) return setResult([]);
      const maxErrors = servingLimits.graphqlValidationErrorsMax;
      setValidationFn((schema, document, rules, options) => {
        answers.validations.inc();
        return validate(schema, document, rules, { ...options, maxErrors });
      });
    },
  };
}

function answerPlugin(answers: Answers, roles: RoleSchemas): Plugin<ServerContext, ServerContext> {
  const printed = (result: ExecutionResult, context: OperationContext) =>
    printedResult(result, (error) => answers.error(error, 'execute', context));
  return {
    onExecute: ({ args }) => {
      const kind = tellAudit(args)?.operation ?? 'query';
      return {
        onExecuteDone: ({ result, setResult }) => {
          if (!isResult(result)) return;
          setResult(answers.result(result, args.contextValue.operation, kind));
        },
      };
    },
    onSubscribe: ({ args }) => {
      const context = args.contextValue.operation;
      tellAudit(args);
      return {
        onSubscribeResult: ({ result, setResult }) => {
          if (isResult(result)) {
            setResult(answers.result(result, context, 'subscription'));
            return undefined;
          }
          answers.subscribed(context);
          return undefined;
        },
      };
    },
    onExecutionResult: ({ result, setResult, context: { operation, params } }) => {
      if (!isResult(result)) return;
      if (result.extensions?.tickloom !== undefined) {
        setResult(printed(result, operation));
        return;
      }
      // What did not get as far as being executed comes here only.
      const found = (result.errors ?? []).map((error) =>
        error.extensions.code === unresolvedCode
          ? unresolvedOperation(params.operationName)
          : error,
      );
      const phase = phaseOf(found);
      const told =
        phase === 'validate'
          ? withMark(roles.problemsOf(params.query, operation.principal.role), found)
          : found;
      const errors = answers.refusal(told, phase, operation);
      setResult(printed({ errors }, operation));
    },
  };
}

/** Tells the audit which operation of which document runs. */
function tellAudit({
  document,
  operationName,
  contextValue: { operation, params },
}: ExecutionArgs & { readonly contextValue: ServerContext }): OperationDefinitionNode | null {
  const definition = getOperationAST(document, operationName) ?? null;
  if (definition !== null) operation.shape = shapeOf(document, definition);
  const name = definition?.name?.value;
  operation.audit.runs({ query: params.query, operationName: name });
  operation.outgoing.operation = name ?? null;
  return definition;
}

/**
 * Yoga marks what validation found, and a mutation by GET with the status it would answer; syntax
 * errors have neither mark nor nodes.
 */
export function phaseOf(errors: readonly GraphQLError[]): ErrorPhase {
  const marks = errors.map(({ extensions }) => extensions as { code?: unknown; http?: HttpMark });
  if (marks.some(({ http }) => http?.status === 405)) return 'request';
  const isValidation =
    marks.some(({ code }) => code === 'GRAPHQL_VALIDATION_FAILED') ||
    errors.some((error) => (error.nodes?.length ?? 0) > 0);
  return isValidation ? 'validate' : 'parse';
}

/** Errors with the mark that others had, by which yoga knows the status of the answer. */
function withMark(
  errors: readonly GraphQLError[],
  others: readonly GraphQLError[],
): readonly GraphQLError[] {
  const { http } = (others[0]?.extensions ?? {}) as { readonly http?: HttpMark };
  if (http === undefined) return errors;
  return errors.map(
    ({ message, nodes, extensions }) =>
      new GraphQLError(message, {
        ...(nodes ? { nodes } : {}),
        extensions: { ...extensions, http },
      }),
  );
}

/** The code by which yoga tells that it could not choose an operation. */
const unresolvedCode = 'OPERATION_RESOLUTION_FAILURE';

interface HttpMark {
  readonly status?: number;
}

function isResult(value: unknown): value is ExecutionResult {
  return typeof value === 'object' && value !== null && !(Symbol.asyncIterator in value);
}
