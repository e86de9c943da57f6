import { cpus } from 'node:os';
import { Catalog } from '../engine/model/catalog.ts';
import { committedAtWord, lsnWord, rowLayout, versionWord } from '../engine/state/row-layout.ts';
import { RowImages, RowPages } from '../engine/state/row-pages.ts';
import { ashfall } from '../src/sandbox/ashfall.ts';

/**
 * Why live rows lie side by side in pages and not in an array a column: a random update of one of a
 * million rows of ashfall's `unitState` (stamp, version, three columns), with the row's image saved
 * before and gathered after, as a commit does. Warm-up: one round of each, not counted; the median
 * of the other rounds is printed.
 */
const rows = 1_000_000;
const updates = 500_000;
const rounds = 7;
/** Images are given up tick by tick. */
const tickUpdates = 10_000;

const layout = rowLayout(new Catalog(ashfall).table('unitState'));
const words = layout.wordsPerRow;
const changed = ['ownerId', 'x', 'y'];

function randomRows(): Int32Array {
  let seed = 1;
  return Int32Array.from({ length: updates }, () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return (seed >>> 4) % rows;
  });
}

/** Words side by side. */
function pagesOfRows(): (chosen: Int32Array, lsn: number) => void {
  const pages = new RowPages(words);
  for (let i = 0; i < rows; i++) pages.allocate();
  const before = new RowImages(words);
  const after = new RowImages(words);
  const set = layout.columns.filter(({ column }) => changed.includes(column.name));
  return (chosen, lsn) => {
    for (let i = 0; i < chosen.length; i++) {
      if (i % tickUpdates === 0) {
        before.truncate(0);
        after.truncate(0);
      }
      const slot = chosen[i] as number;
      const page = pages.page(slot);
      const offset = pages.offset(slot);
      before.push(page, offset);
      page.f64[(offset + lsnWord) >> 1] = lsn;
      page.f64[(offset + committedAtWord) >> 1] = i;
      page.u32[offset + versionWord] = (page.u32[offset + versionWord] as number) + 1;
      for (const { word, kind, validityBit } of set) {
        if (kind === 'f32') page.f32[offset + word] = i;
        else page.u32[offset + word] = i;
        if (validityBit < 0) continue;
        const at = offset + layout.validityWord + (validityBit >>> 5);
        page.u32[at] = (page.u32[at] as number) | (1 << (validityBit & 31));
      }
      after.push(page, offset);
    }
  };
}

type Values = Uint32Array | Float32Array | Float64Array;

interface Lane {
  readonly values: Values;
  /** One bit a row, as Arrow has it; null where the column is never null. */
  readonly validity: Uint8Array | null;
}

function lanesFor(count: number): Lane[] {
  const bits = () => new Uint8Array((count + 7) >>> 3);
  const system = [new Float64Array(count), new Float64Array(count)];
  const counters = Array.from({ length: 3 }, () => new Uint32Array(count));
  const declared = layout.columns.map(({ kind, column }): Lane => {
    const values = kind === 'f32' ? new Float32Array(count) : new Uint32Array(count);
    return { values, validity: column.optional ? bits() : null };
  });
  return [...[...system, ...counters].map((values) => ({ values, validity: null })), ...declared];
}

function copy(from: Lane, row: number, to: Lane, at: number): void {
  to.values[at] = from.values[row] as number;
  if (!from.validity || !to.validity) return;
  const present = ((from.validity[row >>> 3] as number) >>> (row & 7)) & 1;
  const old = to.validity[at >>> 3] as number;
  to.validity[at >>> 3] = present ? old | (1 << (at & 7)) : old & ~(1 << (at & 7));
}

/** An array a column, in Arrow's layout: values, and a bitmap where the column may be null. */
function arraysOfColumns(): (chosen: Int32Array, lsn: number) => void {
  const lanes = lanesFor(rows);
  const before = lanesFor(tickUpdates);
  const after = lanesFor(tickUpdates);
  const save = (to: readonly Lane[], at: number, row: number) => {
    for (let c = 0; c < lanes.length; c++) copy(lanes[c] as Lane, row, to[c] as Lane, at);
  };
  const [lsns, times, versions] = lanes as [Lane, Lane, Lane];
  const set = changed.map((name) => {
    const index = layout.columns.findIndex((c) => c.column.name === name);
    return lanes[lanes.length - layout.columns.length + index] as Lane;
  });
  return (chosen, lsn) => {
    for (let i = 0; i < chosen.length; i++) {
      const row = chosen[i] as number;
      save(before, i % tickUpdates, row);
      lsns.values[row] = lsn;
      times.values[row] = i;
      versions.values[row] = (versions.values[row] as number) + 1;
      for (const { values, validity } of set) {
        values[row] = i;
        if (validity) validity[row >>> 3] = (validity[row >>> 3] as number) | (1 << (row & 7));
      }
      save(after, i % tickUpdates, row);
    }
  };
}

function measure(name: string, run: (chosen: Int32Array, lsn: number) => void) {
  const chosen = randomRows();
  run(chosen, 1);
  const took = Array.from({ length: rounds }, (_, round) => {
    const started = performance.now();
    run(chosen, round + 2);
    return ((performance.now() - started) * 1000) / updates;
  }).sort((a, b) => a - b);
  const at = (share: number) => Number((took[Math.floor((rounds - 1) * share)] ?? 0).toFixed(3));
  return { layout: name, minUs: at(0), medianUs: at(0.5), maxUs: at(1) };
}

const results = [
  measure('pages of rows', pagesOfRows()),
  measure('an array a column', arraysOfColumns()),
];
const hardware = `${cpus().length} × ${cpus()[0]?.model}, Node ${process.version}`;
console.log(`${hardware}; ${rows} rows of ${words} words, ${updates} random updates a round`);
console.table(results);
console.log(JSON.stringify({ bench: 'row-layout', hardware, rows, words, updates, results }));
