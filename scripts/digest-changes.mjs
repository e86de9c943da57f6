// Arguments: the directory of a title. Replays its log and prints, as JSON, digests of all verdicts
// and of every byte of every change set. Run by determinism.mjs, under one version of Node after another.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseManifest } from '../dist/engine/manifest/manifest-json.js';
import { replayLog } from '../dist/engine/recover/replay-log.js';
import { replayRecord } from '../dist/engine/recover/replay-record.js';
import { vectorBuffers } from '../dist/engine/vectors/vector-bytes.js';

const [directory = ''] = process.argv.slice(2);
const verdicts = createHash('sha256');
const changeSets = createHash('sha256');

/** @param {(Uint8Array | string | number | null)[]} parts */
function add(...parts) {
  for (const part of parts) changeSets.update(part instanceof Uint8Array ? part : `${part}\0`);
}

/** @param {import('../engine/vectors/column-vector.ts').ColumnBatch} batch */
function addBatch(batch) {
  for (const vector of batch.vectors) {
    add(vector.column.name);
    for (const buffer of vectorBuffers(vector)) add(buffer.length, buffer);
  }
}

/** @param {import('../engine/state/change-set.ts').ChangeSet} changes */
function addChanges({ lsn, sessionId, tick, committedAtMs, actions, events, states }) {
  add(lsn, sessionId, tick, committedAtMs);
  if (actions) {
    verdicts.update(`${lsn}\0`).update(actions.verdicts);
    add(actions.table.name, actions.accepted, actions.verdicts);
    addBatch(actions.rows);
  }
  for (const event of events) {
    add(event.table.name, event.rows.length, event.seq.join());
    addBatch(event.rows);
  }
  for (const state of states) {
    add(state.table.name, state.length, state.kinds, state.versions.join());
    addBatch(state.after);
    addBatch(state.before());
  }
}

const manifest = parseManifest(readFileSync(join(directory, 'manifest.json'), 'utf8'));
await replayLog({ directory: join(directory, 'log'), manifest }, (projection, record) =>
  addChanges(replayRecord(projection, record)),
);
const digests = { verdicts: verdicts.digest('hex'), changeSets: changeSets.digest('hex') };
process.stdout.write(`${JSON.stringify(digests)}\n`);
