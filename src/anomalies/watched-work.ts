import type { FinishedOperation } from '../../resolvers/insight/finished-operation.ts';
import { FinishedWork } from '../../resolvers/insight/finished-work.ts';
import type { AnomalyWatch } from './anomaly-watch.ts';

/** What a title's operations came to, held against what is usual as well. */
export class WatchedWork extends FinishedWork {
  readonly #watch: AnomalyWatch;

  constructor(watch: AnomalyWatch, ...parts: ConstructorParameters<typeof FinishedWork>) {
    super(...parts);
    this.#watch = watch;
  }

  override record(operation: FinishedOperation): void {
    super.record(operation);
    this.#watch.count('requests', operation, 1);
    if (operation.code !== null) this.#watch.count('errors', operation, 1);
    this.#watch.count('rowsRead', operation, operation.rowsRead);
  }
}
