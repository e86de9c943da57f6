import { type ExecutionResult, GraphQLError } from 'graphql';
import { EngineError, type ErrorCode } from '../../../engine/model/errors.ts';
import { type ErrorPhase, type ErrorScope, toClientError } from '../../../resolvers/errors.ts';
import type { FinishedKind } from '../../../resolvers/insight/finished-operation.ts';
import type { RequestReport } from '../../../resolvers/request-report.ts';
import type { Logger } from '../../telemetry/logger.ts';
import type { Metrics } from '../../telemetry/metrics.ts';
import { refusalOf } from '../../telemetry/refusal.ts';
import type { OperationContext } from './operation-context.ts';

export type OperationKind = 'query' | 'mutation' | 'subscription';

/** Codes that mean a bound stopped the operation, for `query_rejected_total`. */
const rejections: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'SCAN_REFUSED',
  'LIMIT_EXCEEDED',
  'OVERLOADED',
  'RATE_LIMITED',
  'QUOTA_EXCEEDED',
  'QUERY_KILLED',
  'QUERY_TIMEOUT',
  'QUERY_MEMORY',
]);

const finishedKinds = {
  query: 'QUERY',
  mutation: 'MUTATION',
  subscription: 'SUBSCRIPTION',
} as const satisfies Record<OperationKind, FinishedKind>;

/** The code of the first error; null: there is none. */
function codeOf(errors: readonly GraphQLError[] | undefined): ErrorCode | null {
  const code = errors?.[0]?.extensions.code;
  return code === undefined ? null : (String(code) as ErrorCode);
}

/** Gives every result its last form: errors of the contract, `extensions.tickloom`, and a count. */
export class Answers {
  /** Documents by how they came to be parsed, and how many of them were validated. */
  readonly documents: Metrics['documents'];
  readonly validations: Metrics['documentValidations'];
  readonly #metrics: Metrics;
  readonly #logger: Logger;

  constructor(metrics: Metrics, logger: Logger) {
    this.documents = metrics.documents;
    this.validations = metrics.documentValidations;
    this.#metrics = metrics;
    this.#logger = logger;
  }

  /** A whole result of a query or mutation. */
  result(result: ExecutionResult, context: OperationContext, kind: OperationKind): ExecutionResult {
    const errors = result.errors?.map((error) => this.error(error, 'execute', context));
    this.#count(context, kind, errors);
    context.finished(finishedKinds[kind], codeOf(errors));
    context.use.charge(context.principal, { rowsRead: context.report.rowsRead });
    return this.#assemble(result, errors, context);
  }

  /** One message of a subscription, which tells what `report` does; only what failed is counted. */
  message(
    result: ExecutionResult,
    context: OperationContext,
    report: RequestReport,
  ): ExecutionResult {
    const errors = result.errors?.map((error) => this.error(error, 'execute', context));
    if (errors !== undefined) this.#count(context, 'subscription', errors);
    return this.#assemble(result, errors, context, report);
  }

  subscribed(context: OperationContext): void {
    this.#count(context, 'subscription', undefined);
    context.finished('SUBSCRIPTION', null);
  }

  /** Errors of a request that never ran: it could not be parsed or is not valid. */
  refusal(
    errors: readonly unknown[],
    phase: ErrorPhase,
    context: OperationContext,
  ): readonly GraphQLError[] {
    const shown = errors.map((error) => this.error(error, phase, context));
    this.#count(context, null, shown);
    context.refused(codeOf(shown));
    return shown;
  }

  error(error: unknown, phase: ErrorPhase, context: OperationContext): GraphQLError {
    const scope: ErrorScope = {
      requestId: context.ticket.trace.requestId,
      logInternal: (original, requestId) => {
        const cause = original instanceof GraphQLError ? original.originalError : original;
        this.#logger.error({ error: cause ?? original, requestId }, 'an operation failed');
      },
    };
    const shown = toClientError(error, phase, scope);
    this.#logCause(error, context);
    return shown;
  }

  /** What lies behind an error of the contract helps its operators, but clients never see it. */
  #logCause(error: unknown, context: OperationContext): void {
    const original = error instanceof GraphQLError ? error.originalError : error;
    if (!(original instanceof EngineError) || original.cause === undefined) return;
    const { requestId } = context.ticket.trace;
    this.#logger.info({ ...refusalOf(original), requestId }, 'an operation was refused');
  }

  #assemble(
    result: ExecutionResult,
    errors: readonly GraphQLError[] | undefined,
    context: OperationContext,
    report: RequestReport = context.report,
  ): ExecutionResult {
    const tickloom = report.toExtensions();
    if (tickloom.memoryPeakBytes !== undefined) {
      this.#metrics.queryMemory.observe(
        { class: context.ticket.queryClass },
        tickloom.memoryPeakBytes,
      );
    }
    return {
      ...(errors === undefined ? {} : { errors }),
      ...(result.data === undefined ? {} : { data: result.data }),
      extensions: { ...result.extensions, tickloom },
    };
  }

  #count(
    context: OperationContext,
    kind: OperationKind | null,
    errors: readonly GraphQLError[] | undefined,
  ): void {
    const code = codeOf(errors) ?? 'OK';
    this.#metrics.requests.inc({
      endpoint: context.endpoint,
      operation_kind: kind ?? '',
      code,
    });
    if (rejections.has(code as ErrorCode)) {
      this.#metrics.queryRejected.inc({ class: context.ticket.queryClass, reason: code });
    }
  }
}
