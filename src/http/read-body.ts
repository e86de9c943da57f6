import type { IncomingMessage } from 'node:http';
import type { Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { EngineError } from '../../engine/model/errors.ts';
import { servingLimits } from '../serving-limits.ts';
import { HttpRefusal } from './http-refusal.ts';

/** The bound that a body is held to. */
export type BodyLimit = Extract<
  keyof typeof servingLimits,
  | `${'graphql' | 'commit' | 'control'}BodyBytesMax`
  | 'graphqlQuestionBytesMax'
  | 'commitJsonBytesMax'
  | 'sandboxFormBytesMax'
>;

/**
 * The whole body of a request, inflated where the client compressed it. Rejects with
 * `LIMIT_EXCEEDED` as soon as it is known to be larger than the bound, as sent or inflated, with
 * `BAD_USER_INPUT` when the client breaks off or compressed it in a way that is not known (HTTP
 * 415).
 */
export function readBody(request: IncomingMessage, limit: BodyLimit): Promise<Buffer> {
  const bytesMax = servingLimits[limit];
  const declared = Number(request.headers['content-length'] ?? 0);
  if (declared > bytesMax) return Promise.reject(tooLarge(limit));
  return new Promise((resolve, reject) => {
    const inflater = inflaterOf(request);
    const body = inflater === null ? request : request.pipe(inflater);
    const chunks: Buffer[] = [];
    let bytes = 0;
    const onData = (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > bytesMax) stop(tooLarge(limit));
      else chunks.push(chunk);
    };
    const leave = () => {
      body.off('data', onData);
      body.off('end', onEnd);
      inflater?.off('error', onDamaged);
      request.off('close', onClose);
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
      if (inflater !== null) {
        request.unpipe(inflater);
        inflater.on('error', () => undefined).destroy();
      }
      reject(error);
    };
    const onBroken = () => stop(new EngineError('BAD_USER_INPUT', 'the request body broke off'));
    const onClose = () => {
      if (!request.complete) onBroken();
    };
    const onDamaged = (cause: Error) => {
      const encoding = request.headers['content-encoding'];
      const message = `the request body is not what "content-encoding: ${encoding}" says`;
      stop(new EngineError('BAD_USER_INPUT', message, { cause }));
    };
    body.on('data', onData);
    body.on('end', onEnd);
    inflater?.on('error', onDamaged);
    request.on('close', onClose);
    request.on('error', onBroken);
  });
}

/** What inflates a request's body; null for a body as it is. */
function inflaterOf(request: IncomingMessage): Transform | null {
  const encoding = (request.headers['content-encoding'] ?? 'identity').trim().toLowerCase();
  switch (encoding) {
    case '':
    case 'identity':
      return null;
    case 'gzip':
    case 'x-gzip':
      return createGunzip();
    case 'deflate':
      return createInflate();
    case 'br':
      return createBrotliDecompress();
    default:
      throw new HttpRefusal(415, 'a request body may be compressed by gzip, deflate or br', {
        details: { path: 'content-encoding' },
      });
  }
}

function tooLarge(limit: BodyLimit): EngineError {
  const max = servingLimits[limit];
  return new EngineError(
    'LIMIT_EXCEEDED',
    `the request body is larger than ${max} bytes; send less at once`,
    { details: { limit, max } },
  );
}
