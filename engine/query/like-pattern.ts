/**
 * SQL's `like` as ClickHouse reads it: `%` is any run, `_` one code point, and a backslash before
 * `%`, `_` or another backslash takes its meaning away. Case matters; the whole text must match.
 *
 * The pattern is compiled once: what stands between its runs are pieces, and the leftmost place of
 * each behind the one before it is as good as any, so that a text is passed once and nothing is
 * ever taken back. Pieces of bytes alone are searched as bytes; those with `_` by the automaton of
 * Baeza-Yates and Gonnet (shift-and), which keeps all places where the piece may have begun in bits.
 */
export function likeMatcher(pattern: string): LikeMatcher {
  const pieces = piecesOf(pattern);
  const searches = pieces.map(compilePiece);
  const bytesLeast = pieces.reduce((sum, piece) => sum + piece.length, 0);
  return (given) => {
    const text = bufferOf(given);
    return text.length >= bytesLeast && matches(searches, text);
  };
}

/** Whether a text (or its UTF-8 bytes) matches. */
export type LikeMatcher = (text: string | Uint8Array) => boolean;

/** What one match costs, in units of about a comparison: `fixed`, and so many for each byte of the text. */
export function likeUnits(pattern: string): { readonly fixed: number; readonly perByte: number } {
  const pieces = piecesOf(pattern);
  const steps = pieces.map((piece) => (piece.includes('one') ? wordsOf(piece) * 2 : 0));
  return { fixed: 4 + 8 * pieces.length, perByte: 1 / 8 + Math.max(0, ...steps) };
}

/** What is wrong with a pattern, or null. The column store and this room then read it alike. */
export function likePatternProblem(pattern: string): string | null {
  return /^(?:[^\\]|\\[\\%_])*$/s.test(pattern)
    ? null
    : 'a backslash must stand before %, _ or another backslash';
}

/** What stands between two runs: code points, and places where any one may stand. */
type Piece = readonly (number | 'one')[];

/** The pieces of a pattern, one at least: the first begins and the last ends where the text does. */
function piecesOf(pattern: string): Piece[] {
  let piece: (number | 'one')[] = [];
  const pieces = [piece];
  const points = Array.from(pattern);
  for (let i = 0; i < points.length; i++) {
    const point = points[i] as string;
    if (point === '%') {
      piece = [];
      pieces.push(piece);
    } else if (point === '_') {
      piece.push('one');
    } else {
      const next = points[i + 1];
      const escapes = point === '\\' && (next === '\\' || next === '%' || next === '_');
      if (escapes) i += 1;
      piece.push((points[i] as string).codePointAt(0) as number);
    }
  }
  // Runs side by side leave nothing between them.
  return pieces.filter((one, i) => i === 0 || i === pieces.length - 1 || one.length > 0);
}

interface PieceSearch {
  /** How many code points the piece matches, those counted that may be any. */
  readonly points: number;
  /** The place behind the piece where it stands at `from`, or -1. */
  at(text: Buffer, from: number): number;
  /** The place behind its leftmost occurrence from `from` on, or -1. */
  find(text: Buffer, from: number): number;
}

function compilePiece(piece: Piece): PieceSearch {
  return piece.includes('one') ? wildSearch(piece) : literalSearch(piece as readonly number[]);
}

function literalSearch(piece: readonly number[]): PieceSearch {
  const bytes = Buffer.from(piece.map((point) => String.fromCodePoint(point)).join(''), 'utf8');
  const { length } = bytes;
  return {
    points: piece.length,
    at: (text, from) =>
      from + length <= text.length && bytes.compare(text, from, from + length) === 0
        ? from + length
        : -1,
    find: (text, from) => {
      const found = text.indexOf(bytes, from);
      return found === -1 ? -1 : found + length;
    },
  };
}

function wildSearch(piece: Piece): PieceSearch {
  const words = wordsOf(piece);
  const any = new Uint32Array(words);
  const byPoint = new Map<number, Uint32Array>();
  for (const point of piece) {
    if (point !== 'one' && !byPoint.has(point)) byPoint.set(point, new Uint32Array(words));
  }
  piece.forEach((point, i) => {
    const masks = point === 'one' ? [any, ...byPoint.values()] : [byPoint.get(point) ?? any];
    for (const mask of masks) mask[i >>> 5] = (mask[i >>> 5] as number) | (1 << (i & 31));
  });
  const last = piece.length - 1;
  const state = new Uint32Array(words);
  return {
    points: piece.length,
    at: (text, from) => {
      let place = from;
      for (const wanted of piece) {
        if (place >= text.length) return -1;
        if (wanted !== 'one' && wanted !== pointAt(text, place)) return -1;
        place += bytesAt(text, place);
      }
      return place;
    },
    find: (text, from) => {
      state.fill(0);
      for (let place = from; place < text.length; ) {
        const mask = byPoint.get(pointAt(text, place)) ?? any;
        place += bytesAt(text, place);
        let carried = 1;
        for (let i = 0; i < words; i++) {
          const word = state[i] as number;
          state[i] = ((word << 1) | carried) & (mask[i] as number);
          carried = word >>> 31;
        }
        if (((state[last >>> 5] as number) & (1 << (last & 31))) !== 0) return place;
      }
      return -1;
    },
  };
}

function matches(pieces: readonly PieceSearch[], text: Buffer): boolean {
  const first = pieces[0] as PieceSearch;
  let place = first.at(text, 0);
  if (pieces.length === 1) return place === text.length;
  const last = pieces[pieces.length - 1] as PieceSearch;
  for (let i = 1; place !== -1 && i < pieces.length - 1; i++) {
    place = (pieces[i] as PieceSearch).find(text, place);
  }
  if (place === -1) return false;
  const begin = pointsBack(text, last.points);
  return begin >= place && last.at(text, begin) === text.length;
}

/** Where the last `points` code points of the text begin; -1 where it has fewer. */
function pointsBack(text: Buffer, points: number): number {
  let place = text.length;
  for (let left = points; left > 0; left--) {
    if (place === 0) return -1;
    place -= 1;
    while (place > 0 && ((text[place] as number) & 0xc0) === 0x80) place -= 1;
  }
  return place;
}

function bytesAt(text: Buffer, place: number): number {
  const lead = text[place] as number;
  return lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

function pointAt(text: Buffer, place: number): number {
  const lead = text[place] as number;
  if (lead < 0x80) return lead;
  const bytes = bytesAt(text, place);
  let point = lead & (0xff >>> (bytes + 1));
  for (let i = 1; i < bytes; i++) point = (point << 6) | ((text[place + i] as number) & 0x3f);
  return point;
}

function wordsOf(piece: Piece): number {
  return (piece.length + 31) >>> 5;
}

function bufferOf(text: string | Uint8Array): Buffer {
  return typeof text === 'string'
    ? Buffer.from(text, 'utf8')
    : Buffer.from(text.buffer, text.byteOffset, text.byteLength);
}
