import { setImmediate as nextTurn } from 'node:timers/promises';
import { crc32 } from 'node:zlib';

/** Bytes that are summed in one turn of the event loop: the work of a few milliseconds. */
const bytesATurn = 8 << 20;

/** The CRC-32 of the parts, one after the other, without holding up the event loop. */
export async function checksum(parts: readonly Uint8Array[]): Promise<number> {
  let crc = 0;
  let inThisTurn = 0;
  for (const part of parts) {
    for (let at = 0; at < part.byteLength; at += bytesATurn) {
      const piece = part.subarray(at, at + bytesATurn);
      if (inThisTurn + piece.byteLength > bytesATurn) {
        await nextTurn();
        inThisTurn = 0;
      }
      crc = crc32(piece, crc);
      inThisTurn += piece.byteLength;
    }
  }
  return crc;
}
