import type { IncomingMessage } from 'node:http';
import { EngineError } from '../../engine/errors.ts';

/**
 * The whole body of a request. Rejects with `LIMIT_EXCEEDED` as soon as it is known to be larger
 * than `bytesMax`, with `BAD_USER_INPUT` when the client breaks off or compressed it.
 */
export function readBody(request: IncomingMessage, bytesMax: number): Promise<Buffer> {
  const encoding = request.headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') {
    return Promise.reject(
      new EngineError('BAD_USER_INPUT', 'request bodies must not be compressed (content-encoding)'),
    );
  }
  const declared = Number(request.headers['content-length'] ?? 0);
  if (declared > bytesMax) return Promise.reject(tooLarge(bytesMax));
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const onData = (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > bytesMax) stop(tooLarge(bytesMax));
      else chunks.push(chunk);
    };
    const leave = () => {
      request.off('data', onData);
      request.off('end', onEnd);
      request.off('close', onBroken);
      request.off('error', onBroken);
    };
    const onEnd = () => {
      leave();
      const only = chunks.length === 1 ? chunks[0] : undefined;
      resolve(only ?? Buffer.concat(chunks, bytes));
    };
    const stop = (error: EngineError) => {
      leave();
      // Nobody else may listen: an error without a listener would end the process.
      request.on('error', () => undefined);
      reject(error);
    };
    const onBroken = () => stop(new EngineError('BAD_USER_INPUT', 'the request body broke off'));
    request.on('data', onData);
    request.on('end', onEnd);
    request.on('close', onBroken);
    request.on('error', onBroken);
  });
}

function tooLarge(bytesMax: number): EngineError {
  return new EngineError(
    'LIMIT_EXCEEDED',
    `the request body is larger than ${bytesMax} bytes; send less at once`,
    { details: { limit: 'bodyBytes', max: bytesMax } },
  );
}
