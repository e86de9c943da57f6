import { type ExecutionResult, GraphQLError } from 'graphql';
import type { Frame, Row, Work } from '../../../engine/index.ts';
import { limits } from '../../../engine/model/limits.ts';
import { FrameText } from './frame-text.ts';
import { TextPieces } from './text-pieces.ts';

/** Rows that are answered and printed in one step. */
const rowsTogether = 256;

/** Whether a frame has more rows than are answered in one go. */
export function isLong({ rows, removed }: Frame): boolean {
  return rows.length + removed.length > rowsTogether;
}

/** What answering a frame asks of an operation. */
export interface FrameAnswer {
  /** Selects of the frame. */
  readonly execute: (frame: Frame) => ExecutionResult | Promise<ExecutionResult>;
  /** Gives a result its last form. */
  readonly message: (result: ExecutionResult) => ExecutionResult;
}

/**
 * The answer to a frame of many rows, the same text as if it were answered in one go: the frame in
 * parts of some rows each, whose results differ in their lists alone. Throws where a value cannot be
 * printed.
 */
export function* printLongFrame(frame: Frame, answer: FrameAnswer): Work<FrameText> {
  const lists = new Map<string, TextPieces>();
  const errors: GraphQLError[] = [];
  let first: ExecutionResult | null = null;
  for (const part of partsOf(frame)) {
    const result = answer.execute(part.frame);
    if (result instanceof Promise) throw new TypeError('the fields of a frame are there at once');
    first ??= result;
    for (const error of result.errors ?? []) errors.push(shifted(error, part.offset));
    const fields = fieldsOf(result);
    if (fields === null) {
      const message = answer.message({ ...result, errors });
      return FrameText.of(JSON.stringify(message), null);
    }
    for (const [name, value] of Object.entries(fields)) {
      if (Array.isArray(value)) addRows(lists, name, value);
    }
    yield rowsTogether * limits.rowAnsweredUnits;
  }
  const result = { ...first, ...(errors.length > 0 && { errors }) };
  const message = answer.message(result as ExecutionResult);
  return new FrameText(printed(message, lists), errors.length > 0 ? null : frame.cursor);
}

interface Part {
  readonly frame: Frame;
  /** How many rows of its list come before its own. */
  readonly offset: number;
}

function* partsOf(frame: Frame): Iterable<Part> {
  const none: readonly Row[] = [];
  for (const list of ['rows', 'removed'] as const) {
    for (let offset = 0; offset < frame[list].length; offset += rowsTogether) {
      const own = frame[list].slice(offset, offset + rowsTogether);
      yield { frame: { ...frame, rows: none, removed: none, [list]: own }, offset };
    }
  }
}

/** The selected fields of the frame itself; null where an error has taken them all. */
function fieldsOf({ data }: ExecutionResult): Record<string, unknown> | null {
  const [frame] = Object.values(data ?? {});
  return (frame ?? null) as Record<string, unknown> | null;
}

function addRows(lists: Map<string, TextPieces>, name: string, rows: readonly unknown[]): void {
  const pieces = lists.get(name) ?? new TextPieces();
  lists.set(name, pieces);
  if (rows.length === 0) return;
  if (!pieces.isEmpty) pieces.add(',');
  // Without the brackets, which stand around all of them.
  pieces.add(JSON.stringify(rows).slice(1, -1));
}

/** The message in JSON, each list of the frame as it was gathered. */
function printed(
  message: ExecutionResult,
  lists: ReadonlyMap<string, TextPieces>,
): readonly Buffer[] {
  const text = new TextPieces();
  addObject(text, message, (key, value) => {
    if (key !== 'data') return text.add(JSON.stringify(value));
    addObject(text, value, (_name, frame) => {
      addObject(text, frame, (field, of) => {
        const rows = lists.get(field);
        if (!rows) return text.add(JSON.stringify(of));
        text.add('[');
        text.append(rows);
        text.add(']');
      });
    });
  });
  return text.pieces;
}

/** An object in JSON, whose values `add` adds. */
function addObject(
  text: TextPieces,
  object: unknown,
  add: (key: string, value: unknown) => void,
): void {
  let before = '{';
  for (const [key, value] of Object.entries(object as object)) {
    text.add(`${before}${JSON.stringify(key)}:`);
    before = ',';
    add(key, value);
  }
  text.add('}');
}

/** The error of a part, of the whole: paths count the rows before the part. */
function shifted(error: GraphQLError, offset: number): GraphQLError {
  const { message, path, nodes, source, positions, originalError, extensions } = error;
  if (offset === 0 || typeof path?.[2] !== 'number') return error;
  return new GraphQLError(message, {
    nodes: nodes ?? null,
    source: source ?? null,
    positions: positions ?? null,
    path: path.map((step, depth) => (depth === 2 ? (step as number) + offset : step)),
    originalError: originalError ?? null,
    extensions,
  });
}
