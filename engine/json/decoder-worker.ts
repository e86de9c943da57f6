import { parentPort, workerData } from 'node:worker_threads';
import { Catalog } from '../model/catalog.ts';
import type { TitleManifest } from '../model/types.ts';
import type { DecodeAnswer, DecodeRequest } from './decoder-thread.ts';
import { JsonTickDecoder } from './json-tick-decoder.ts';

/** The thread of `DecoderThread`: decodes one body after the other. `workerData` is the manifest. */
if (parentPort === null) throw new RangeError('this file is the start of a thread');
const port = parentPort;
const decoder = new JsonTickDecoder(new Catalog(workerData as TitleManifest));

port.on('message', ({ id, body, at }: DecodeRequest) => {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.length);
  const decoded = decoder.decode(bytes, at);
  const answer: DecodeAnswer = { id, decoded };
  port.postMessage(answer, decoded === null ? [] : [...decoded.buffers]);
});
