/** What one operation may cost on the main thread, in units of about a comparison, all its fields together. */
export class WorkBudget {
  #unitsLeft: number;

  constructor(unitsMax: number) {
    this.#unitsLeft = unitsMax;
  }

  /** Takes units; false, from then on, once more was asked for than there is. */
  spend(units: number): boolean {
    this.#unitsLeft -= units;
    return this.#unitsLeft >= 0;
  }
}
