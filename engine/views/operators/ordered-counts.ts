import { grown } from '../../vectors/growing-array.ts';

/** The order of two values, each a pair of numbers. */
export type PairOrder = (
  first: number,
  second: number,
  otherFirst: number,
  otherSecond: number,
) => number;

/** No node: an empty set. */
export const noNode = 0;

/**
 * Many multisets in order, one a group, each known by the number of its root: treaps (Seidel and
 * Aragon, "Randomized search trees", 1996), all nodes of all sets in the same typed arrays. A value
 * is a pair of numbers; one that occurs several times is one node with a count.
 */
export class OrderedCounts {
  readonly #order: PairOrder;
  /** Told of the first number of a value that a set now holds, or holds no more. */
  readonly #onHeld: (first: number) => void;
  readonly #onGone: (first: number) => void;
  #first = new Float64Array(capacityInitial);
  #second = new Float64Array(capacityInitial);
  #counts = new Uint32Array(capacityInitial);
  #left = new Uint32Array(capacityInitial);
  /** A node's right child; for a free node the next free one. */
  #right = new Uint32Array(capacityInitial);
  #priorities = new Uint32Array(capacityInitial);
  /** Nodes are numbered from 1, below it. */
  #end = 1;
  #free = noNode;
  #seed = 0x9e37_79b9;

  constructor(
    order: PairOrder,
    onHeld: (first: number) => void = () => {},
    onGone: (first: number) => void = () => {},
  ) {
    this.#order = order;
    this.#onHeld = onHeld;
    this.#onGone = onGone;
  }

  get memoryBytes(): number {
    return this.#counts.length * 32;
  }

  first(node: number): number {
    return this.#first[node] as number;
  }

  second(node: number): number {
    return this.#second[node] as number;
  }

  /** Below 0: the value is before the node's. */
  orderAt(node: number, first: number, second: number): number {
    return this.#order(first, second, this.#first[node] as number, this.#second[node] as number);
  }

  /** The root of the set with the value once more. */
  add(root: number, first: number, second: number): number {
    if (root === noNode) return this.#create(first, second);
    const order = this.orderAt(root, first, second);
    if (order === 0) {
      this.#counts[root] = (this.#counts[root] as number) + 1;
      return root;
    }
    if (order < 0) {
      const left = this.add(this.#left[root] as number, first, second);
      this.#left[root] = left;
      if ((this.#priorities[left] as number) <= (this.#priorities[root] as number)) return root;
      this.#left[root] = this.#right[left] as number;
      this.#right[left] = root;
      return left;
    }
    const right = this.add(this.#right[root] as number, first, second);
    this.#right[root] = right;
    if ((this.#priorities[right] as number) <= (this.#priorities[root] as number)) return root;
    this.#right[root] = this.#left[right] as number;
    this.#left[right] = root;
    return right;
  }

  /** The root of the set with the value once less. */
  remove(root: number, first: number, second: number): number {
    if (root === noNode) throw new RangeError('a value is taken back that was never added');
    const order = this.orderAt(root, first, second);
    if (order < 0) {
      this.#left[root] = this.remove(this.#left[root] as number, first, second);
      return root;
    }
    if (order > 0) {
      this.#right[root] = this.remove(this.#right[root] as number, first, second);
      return root;
    }
    const left = (this.#counts[root] as number) - 1;
    this.#counts[root] = left;
    if (left > 0) return root;
    const merged = this.#merge(this.#left[root] as number, this.#right[root] as number);
    this.#onGone(this.#first[root] as number);
    this.#right[root] = this.#free;
    this.#free = root;
    return merged;
  }

  /** The node of the least value. */
  least(root: number): number {
    let node = root;
    while (this.#left[node] !== noNode) node = this.#left[node] as number;
    return node;
  }

  /** The node of the greatest value. */
  greatest(root: number): number {
    let node = root;
    while (this.#right[node] !== noNode) node = this.#right[node] as number;
    return node;
  }

  /** All values of `a` are before those of `b`. */
  #merge(a: number, b: number): number {
    if (a === noNode) return b;
    if (b === noNode) return a;
    if ((this.#priorities[a] as number) > (this.#priorities[b] as number)) {
      this.#right[a] = this.#merge(this.#right[a] as number, b);
      return a;
    }
    this.#left[b] = this.#merge(a, this.#left[b] as number);
    return b;
  }

  #create(first: number, second: number): number {
    let node = this.#free;
    if (node === noNode) {
      node = this.#end++;
      if (node === this.#counts.length) this.#grow();
    } else {
      this.#free = this.#right[node] as number;
    }
    this.#first[node] = first;
    this.#second[node] = second;
    this.#counts[node] = 1;
    this.#left[node] = noNode;
    this.#right[node] = noNode;
    this.#priorities[node] = this.#nextPriority();
    this.#onHeld(first);
    return node;
  }

  /** Xorshift (Marsaglia, "Xorshift RNGs", 2003): the same trees in every run. */
  #nextPriority(): number {
    this.#seed ^= this.#seed << 13;
    this.#seed ^= this.#seed >>> 17;
    this.#seed ^= this.#seed << 5;
    return this.#seed >>> 0;
  }

  #grow(): void {
    this.#first = grown(this.#first);
    this.#second = grown(this.#second);
    this.#counts = grown(this.#counts);
    this.#left = grown(this.#left);
    this.#right = grown(this.#right);
    this.#priorities = grown(this.#priorities);
  }
}

const capacityInitial = 64;
