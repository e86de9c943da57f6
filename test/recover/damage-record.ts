import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { recordBytes, recordField } from '../../engine/log/record.ts';
import { segmentHeaderBytes } from '../../engine/log/segment.ts';

/** Flips a bit of the record's payload in the first segment of the log. */
export async function damageRecord(logDirectory: string, lsn: number): Promise<void> {
  const [name] = (await readdir(logDirectory)).filter((file) => file.endsWith('.log')).sort();
  const path = join(logDirectory, name as string);
  const bytes = await readFile(path);
  let at = segmentHeaderBytes;
  while (recordField.lsn(bytes, at) < lsn) at += recordBytes(recordField.payloadBytes(bytes, at));
  const flipped = at + recordBytes(0) + 5;
  bytes[flipped] = (bytes[flipped] as number) ^ 1;
  await writeFile(path, bytes);
}
