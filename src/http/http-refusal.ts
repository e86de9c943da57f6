import { EngineError, type ErrorOptions } from '../../engine/model/errors.ts';

/** A request that HTTP has a status of its own for: `BAD_USER_INPUT`, under that status. */
export class HttpRefusal extends EngineError {
  readonly status: 405 | 406 | 415;

  constructor(status: HttpRefusal['status'], message: string, options?: ErrorOptions) {
    super('BAD_USER_INPUT', message, options);
    this.status = status;
  }
}
