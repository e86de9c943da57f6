import { inflateSync } from 'node:zlib';
import { Decompress } from 'fzstd';
import { ReplayError } from './replay-error.ts';

/** A long match of many players is some 10 MB; past this bound a file is damage or an attack. */
export const replayBytesMax = 256 * 1024 * 1024;
const jsonLineBytesMax = 1024 * 1024;
/** What `zstd --long` asks for; decoders refuse more unless told otherwise. */
const zstdWindowBytesMax = 128 * 1024 * 1024;
const zstdMagic = 0xfd2fb528;
/** The smallest real header of a replay is longer than this too, so no whole file is shorter. */
const zstdFrameHeaderBytesMax = 18;

/**
 * Takes a recording out of its container: a `.fafreplay` (a line of JSON, then a compressed body)
 * or a `.scfareplay` (the body itself, which begins with the game's name). The content decides,
 * not the file's name. Throws `ReplayError`.
 */
export function openReplayFile(file: Uint8Array): Uint8Array {
  if (file.length === 0) throw new ReplayError('file', 0, 'a recording', 'an empty file');
  return file[0] === openBrace ? openFafReplay(file) : file;
}

const openBrace = 0x7b;
const newline = 0x0a;

function openFafReplay(file: Uint8Array): Uint8Array {
  const lineEnd = file.subarray(0, jsonLineBytesMax).indexOf(newline);
  if (lineEnd < 0) {
    throw new ReplayError('file', 0, 'one line of JSON, then the body', 'no line end');
  }
  const body = file.subarray(lineEnd + 1);
  const bodyStart = lineEnd + 1;
  return compressionOf(file.subarray(0, lineEnd)) === 'zstd'
    ? decompressZstd(body, bodyStart)
    : decompressZlib(body, bodyStart);
}

function compressionOf(line: Uint8Array): string | undefined {
  let metadata: unknown;
  try {
    metadata = JSON.parse(new TextDecoder().decode(line));
  } catch (cause) {
    throw new ReplayError('file', 0, 'one line of JSON', 'text that is not JSON', cause);
  }
  if (typeof metadata !== 'object' || metadata === null) {
    throw new ReplayError('file', 0, 'a JSON object', 'another JSON value');
  }
  const compression = 'compression' in metadata ? metadata.compression : undefined;
  if (compression === undefined || compression === null || compression === 'zlib') return undefined;
  if (compression === 'zstd') return 'zstd';
  throw new ReplayError('file', 0, 'compression "zstd" or none', JSON.stringify(compression));
}

/** Streams, so that a frame which claims or yields too much is refused before it is held. */
function decompressZstd(body: Uint8Array, bodyStart: number): Uint8Array {
  checkZstdFrame(body, bodyStart);
  const chunks: Uint8Array[] = [];
  let size = 0;
  const stream = new Decompress((chunk) => {
    size += chunk.length;
    if (size > replayBytesMax) throw tooLarge(bodyStart);
    // A chunk may be a view of the decoder's window, which it writes over.
    chunks.push(chunk.slice());
  });
  try {
    stream.push(body, true);
  } catch (cause) {
    if (cause instanceof ReplayError) throw cause;
    throw new ReplayError('file', bodyStart, 'a whole zstd frame', messageOf(cause), cause);
  }
  return Buffer.concat(chunks, size);
}

/**
 * Magic number, and the window the frame asks for: the decoder would allocate whatever it says.
 * RFC 8878, section 3.1.1.
 */
function checkZstdFrame(body: Uint8Array, bodyStart: number): void {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  if (body.length < zstdFrameHeaderBytesMax || view.getUint32(0, true) !== zstdMagic) {
    throw new ReplayError('file', bodyStart, 'a zstd frame', 'other bytes');
  }
  const descriptor = view.getUint8(4);
  const singleSegment = (descriptor & 0x20) !== 0;
  const window = singleSegment ? contentSize(view, descriptor) : windowSize(view.getUint8(5));
  if (window > zstdWindowBytesMax) throw tooLarge(bodyStart);
}

function windowSize(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >> 3));
  return base + (base / 8) * (descriptor & 7);
}

function contentSize(view: DataView, descriptor: number): number {
  const start = 5 + ([0, 1, 2, 4][descriptor & 3] as number);
  switch (descriptor >> 6) {
    case 0:
      return view.getUint8(start);
    case 1:
      return view.getUint16(start, true) + 256;
    case 2:
      return view.getUint32(start, true);
    default:
      return Number(view.getBigUint64(start, true));
  }
}

/** Older files: base64 of a 4-byte big-endian length and a zlib stream. */
function decompressZlib(body: Uint8Array, bodyStart: number): Uint8Array {
  const packed = Buffer.from(new TextDecoder('latin1').decode(body), 'base64');
  if (packed.length < 6) {
    throw new ReplayError('file', bodyStart, 'base64 of a length and a zlib stream', 'too little');
  }
  const size = packed.readUInt32BE(0);
  if (size > replayBytesMax) throw tooLarge(bodyStart);
  let replay: Uint8Array;
  try {
    replay = inflateSync(packed.subarray(4), { maxOutputLength: replayBytesMax });
  } catch (cause) {
    throw new ReplayError('file', bodyStart, 'base64 of a zlib stream', messageOf(cause), cause);
  }
  if (replay.length !== size) {
    throw new ReplayError('file', bodyStart, `${size} bytes of replay`, `${replay.length}`);
  }
  return replay;
}

function tooLarge(bodyStart: number): ReplayError {
  return new ReplayError(
    'file',
    bodyStart,
    `a replay of at most ${replayBytesMax} bytes`,
    'a larger one',
  );
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
