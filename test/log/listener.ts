import type { CommitLog, CommitLogListener } from '../../engine/log/commit-log.ts';
import type { Lsn } from '../../engine/model/position.ts';

export type LogEvent =
  | { readonly kind: 'durable'; readonly lsn: Lsn }
  | { readonly kind: 'rejected'; readonly lsn: Lsn; readonly error: Error }
  | { readonly kind: 'room' }
  | { readonly kind: 'failure'; readonly error: Error };

/** Keeps what a log tells, and lets a test wait for it. */
export class RecordingListener implements CommitLogListener {
  readonly events: LogEvent[] = [];
  readonly #waiting = new Set<() => void>();

  constructor(log: CommitLog) {
    log.listen(this);
  }

  get durableLsn(): number {
    return this.events.reduce((last, event) => (event.kind === 'durable' ? event.lsn : last), 0);
  }

  onDurable(upTo: Lsn): void {
    this.#note({ kind: 'durable', lsn: upTo });
  }

  onRejected(from: Lsn, error: Error): void {
    this.#note({ kind: 'rejected', lsn: from, error });
  }

  onRoom(): void {
    this.#note({ kind: 'room' });
  }

  onFailure(error: Error): void {
    this.#note({ kind: 'failure', error });
  }

  /** Resolves once everything up to `lsn` is durable; rejects when that can no longer happen. */
  durable(lsn: number): Promise<void> {
    return new Promise((done, failed) => {
      const look = () => {
        const failure = this.events.find((event) => event.kind === 'failure');
        if (this.durableLsn >= lsn) done();
        else if (failure?.kind === 'failure') failed(failure.error);
        else this.#waiting.add(look);
      };
      look();
    });
  }

  /** Resolves once an event of the kind has come. */
  next(kind: LogEvent['kind']): Promise<LogEvent> {
    return new Promise((done) => {
      const look = () => {
        const event = this.events.find((candidate) => candidate.kind === kind);
        if (event) done(event);
        else this.#waiting.add(look);
      };
      look();
    });
  }

  #note(event: LogEvent): void {
    this.events.push(event);
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const look of waiting) look();
  }
}
