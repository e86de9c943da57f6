import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { tableFromIPC } from 'apache-arrow';
import type { QueuedBlock } from '../../engine/columns/shipping/sealed-block.ts';
import type { ShippedTable } from '../../engine/columns/shipping/shipped-table.ts';
import type {
  HeldRows,
  ShippedNote,
  ShippingTarget,
} from '../../engine/columns/shipping/shipping-target.ts';
import { asLsn, type Lsn } from '../../engine/model/position.ts';

/** What becomes of the next insert. */
export type Outcome = 'in' | 'lost' | 'in, but the answer is lost';

/** A ClickHouse at the port: holds the LSNs of every row it was given, and fails when told to. */
export class FakeTarget implements ShippingTarget {
  files: 'taken' | 'sent' = 'sent';
  readonly rows = new Map<string, number[]>();
  readonly inserts: { table: string; lsns: number[] }[] = [];
  outcomes: Outcome[] = [];
  /** All notes, those of earlier positions included, which ClickHouse keeps until it merges them. */
  notes: ShippedNote[] = [];
  /** Set to hold inserts back until it resolves. */
  gate: Promise<void> | null = null;
  /** Set to hold up, or to lose, the answer to a deletion of a table's rows, or of notes (null). */
  afterDeletion: (table: ShippedTable | null) => Promise<void> = async () => {};

  /** So often it was told to stop every insert. */
  #stops = 0;

  async readNote(): Promise<ShippedNote> {
    const none: ShippedNote = { lsn: asLsn(0), tables: new Map() };
    return this.notes.reduce((newest, note) => (note.lsn >= newest.lsn ? note : newest), none);
  }

  async writeNote(note: ShippedNote): Promise<void> {
    this.notes.push(note);
  }

  async readHeld(table: ShippedTable, from: Lsn): Promise<HeldRows> {
    const lsns = this.rows.get(table.storedName) ?? [];
    const after = lsns.filter((lsn) => lsn > from);
    return {
      lastLsn: asLsn(Math.max(from, ...after)),
      rows: lsns.length,
      rowsAfter: after.length,
    };
  }

  async insert(table: ShippedTable, block: QueuedBlock): Promise<void> {
    const stops = this.#stops;
    const path = this.files === 'taken' ? block.path : null;
    const bytes = path === null ? await buffer(block.body()) : await readFile(path);
    if (this.gate) await this.gate;
    if (stops !== this.#stops) throw new Error('the insert was killed');
    const outcome = this.outcomes.shift() ?? 'in';
    if (outcome !== 'lost') {
      const decoded = tableFromIPC(bytes);
      const lsns = Array.from(decoded.getChild('_lsn') ?? [], Number);
      this.inserts.push({ table: table.storedName, lsns: [...new Set(lsns)] });
      const held = this.rows.get(table.storedName) ?? [];
      this.rows.set(table.storedName, held.concat(lsns));
    }
    if (outcome !== 'in') throw new Error('the connection is gone');
  }

  async deleteAfter(table: ShippedTable | null, lsn: Lsn): Promise<void> {
    if (table === null) {
      this.notes = this.notes.filter((note) => note.lsn <= lsn);
      await this.afterDeletion(null);
      return;
    }
    const held = this.rows.get(table.storedName) ?? [];
    this.rows.set(
      table.storedName,
      held.filter((one) => one <= lsn),
    );
    await this.afterDeletion(table);
  }

  async stopInsert(): Promise<void> {}

  async stopInserts(): Promise<void> {
    this.#stops++;
  }

  async whenUp(): Promise<void> {}
}
