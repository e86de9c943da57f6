import {
  createSourceEventStream,
  type ExecutionArgs,
  type ExecutionResult,
  execute,
} from 'graphql';
import type { Frame, WorkResult } from '../../../engine/index.ts';
import { RequestReport } from '../../../resolvers/request-report.ts';
import type { Answers } from './answer.ts';
import { frameSelection } from './frame-selection.ts';
import { FrameText } from './frame-text.ts';
import type { FrameTexts } from './frame-texts.ts';
import { type FrameAnswer, isLong, printLongFrame } from './long-frame.ts';
import type { OperationContext } from './operation-context.ts';
import { printedResult } from './printed-result.ts';

/**
 * Begins a subscription. Its frames are answered as graphql-js's `subscribe` would answer them, but
 * each once for all subscribers who select the same of it.
 */
export async function subscribeToFrames(
  args: ExecutionArgs,
  operation: OperationContext,
  answers: Answers,
  texts: FrameTexts,
): Promise<AnsweredFrames | ExecutionResult> {
  const frames = await createSourceEventStream(args);
  if (!(Symbol.asyncIterator in frames)) return frames;
  const iterator = frames[Symbol.asyncIterator]() as AsyncIterator<Frame>;
  return new AnsweredFrames(iterator, args, operation, answers, texts);
}

/**
 * The frames of one subscription, answered: each as a text, or as a result where it has errors. Where
 * the frames end with an error (the subscriber lags, or may see them no more), rejects with its public
 * form.
 */
export class AnsweredFrames implements AsyncIterableIterator<FrameText | ExecutionResult, null> {
  readonly #frames: AsyncIterator<Frame>;
  readonly #args: ExecutionArgs;
  readonly #operation: OperationContext;
  readonly #answers: Answers;
  readonly #texts: FrameTexts;
  #hasFailed = false;
  /** What is made of a frame, for whom it was last asked. */
  #selection: { readonly by: OperationContext['principal']; readonly text: string };
  /** Ends the printing of a frame that is under way. */
  #stopPrinting: () => void = () => undefined;

  constructor(
    frames: AsyncIterator<Frame>,
    args: ExecutionArgs,
    operation: OperationContext,
    answers: Answers,
    texts: FrameTexts,
  ) {
    this.#frames = frames;
    this.#args = args;
    this.#operation = operation;
    this.#answers = answers;
    this.#texts = texts;
    this.#selection = { by: operation.principal, text: frameSelection(args, operation) };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<FrameText | ExecutionResult, null>> {
    const answer = this.#hasFailed ? null : await this.#answer();
    return answer === null ? ended : { done: false, value: answer };
  }

  async return(): Promise<IteratorResult<never, null>> {
    this.#stopPrinting();
    await this.#frames.return?.();
    return ended;
  }

  async throw(error: unknown): Promise<IteratorResult<never, null>> {
    await this.return();
    throw error;
  }

  /** A result in JSON; why it cannot be printed, where it cannot. */
  print(result: ExecutionResult): string {
    const failed = (error: unknown) => this.#answers.error(error, 'execute', this.#operation);
    return printedResult(result, failed).stringify(result);
  }

  /** Null at the end. */
  async #answer(): Promise<FrameText | ExecutionResult | null> {
    const step = await this.#frames.next().catch((error: unknown) => {
      this.#hasFailed = true;
      throw this.#answers.error(error, 'execute', this.#operation);
    });
    if (step.done === true) return null;
    try {
      if (isLong(step.value)) return await this.#longAnswer(step.value);
      return this.#sharedText(step.value) ?? (await this.#ownAnswer(step.value));
    } catch (error) {
      await this.#frames.return?.();
      throw error;
    }
  }

  /** Null where the frame has no answer that another subscriber could get. */
  #sharedText(frame: Frame): FrameText | null {
    return this.#texts.of(frame, this.#selected(), () => {
      const result = this.#execute(frame);
      // Errors tell which request they are of.
      if (result instanceof Promise || result.errors !== undefined) return null;
      return textOf(this.#message(result, frame), frame.cursor);
    });
  }

  /** The principal may act in another role meanwhile. */
  #selected(): string {
    const { principal } = this.#operation;
    if (this.#selection.by !== principal) {
      this.#selection = { by: principal, text: frameSelection(this.#args, this.#operation) };
    }
    return this.#selection.text;
  }

  /** Null once the subscriber has left. */
  async #longAnswer(frame: Frame): Promise<FrameText | ExecutionResult | null> {
    let isOwn = false;
    const print = () => {
      isOwn = true;
      return printLongFrame(frame, this.#answerTo(frame));
    };
    const { ticket } = this.#operation;
    try {
      const text = await this.#inTurns((waiter) => {
        this.#texts.printLong(ticket, frame, this.#selected(), print, waiter);
        return () => this.#texts.leave(waiter);
      });
      if (text === null || text.isShared || isOwn) return text;
      return await this.#inTurns((waiter) => {
        const abort = new AbortController();
        this.#texts.printOwn(ticket.shared(abort.signal), print(), waiter);
        return () => abort.abort();
      });
    } catch (error) {
      // It cannot be printed, and tells why.
      return { errors: [this.#answers.error(error, 'execute', this.#operation)] };
    }
  }

  /** What `start` hands to its waiter; null once the subscriber has left, which `start` tells how to stop. */
  async #inTurns(start: (waiter: WorkResult<FrameText>) => () => void): Promise<FrameText | null> {
    try {
      return await new Promise((done, failed) => {
        const stop = start({ done, failed });
        this.#stopPrinting = () => {
          done(null);
          stop();
        };
      });
    } finally {
      this.#stopPrinting = () => undefined;
    }
  }

  #answerTo(frame: Frame): FrameAnswer {
    return {
      execute: (part) => this.#execute(part),
      message: (result) => this.#message(result, frame),
    };
  }

  async #ownAnswer(frame: Frame): Promise<ExecutionResult> {
    return this.#message(await this.#execute(frame), frame);
  }

  #execute(frame: Frame): ExecutionResult | Promise<ExecutionResult> {
    return execute({ ...this.#args, rootValue: frame });
  }

  /** `extensions.tickloom` of a frame tell of the frame, whatever the operation did before. */
  #message(result: ExecutionResult, frame: Frame): ExecutionResult {
    const report = new RequestReport(this.#operation.ticket.queryClass);
    report.sawPosition(frame.lsn);
    return this.#answers.message(result, this.#operation, report);
  }
}

/** A frame's answer as text; null where it cannot be printed: whoever prints it as a result then says why. */
function textOf(message: ExecutionResult, cursor: string): FrameText | null {
  try {
    return FrameText.of(JSON.stringify(message), cursor);
  } catch {
    return null;
  }
}

const ended = { done: true, value: null } as const;
