import { EngineError, type ErrorOptions } from '../../engine/model/errors.ts';

/** Statuses that HTTP has for what else is `BAD_USER_INPUT`, or `LIMIT_EXCEEDED`. */
const codes = {
  400: 'BAD_USER_INPUT',
  405: 'BAD_USER_INPUT',
  406: 'BAD_USER_INPUT',
  408: 'LIMIT_EXCEEDED',
  414: 'LIMIT_EXCEEDED',
  415: 'BAD_USER_INPUT',
  431: 'LIMIT_EXCEEDED',
} as const;

/** A request that HTTP has a status of its own for. */
export class HttpRefusal extends EngineError {
  readonly status: keyof typeof codes;

  constructor(status: keyof typeof codes, message: string, options?: ErrorOptions) {
    super(codes[status], message, options);
    this.status = status;
  }
}
