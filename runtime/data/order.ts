import { Philox } from '../flow/philox.ts';

/** Keeps these random numbers apart from others that the same seed gives: "data". */
const PURPOSE = 0x64617461;

/** What to draw from: so many rows; with their labels every class comes equally often. */
export interface Examples { readonly total: number; readonly labels?: Int32Array | undefined }

/** Where in the order the next round begins. position: examples of the epoch that all ranks together have taken. */
export interface Position { readonly epoch: number; readonly position: number }

/** Rows of an epoch in their order, a pure function of (seed, epoch). Without labels a permutation. With labels every class
 *  that has pictures comes ceil(total / classes) times: large classes show another part of themselves every epoch, small
 *  ones repeat once all of theirs have been seen. Takes 4 bytes a row, and under a second for a million. */
export function epochOrder({ total, labels }: Examples, seed: number, epoch: number): Int32Array {
  const random = new Random(seed, epoch);
  const rows = labels === undefined ? Int32Array.from({ length: total }, (_, row) => row) : balanced(labels, random);
  random.shuffle(rows);
  return rows;
}

function balanced(labels: Int32Array, random: Random): Int32Array {
  const classes = rowsByClass(labels);
  const each = Math.ceil(labels.length / classes.length);
  const rows = new Int32Array(each * classes.length);
  let at = 0;
  for (const own of classes) {
    for (let left = each; left > 0; left -= own.length) {
      random.shuffle(own);
      const some = own.subarray(0, Math.min(left, own.length));
      rows.set(some, at);
      at += some.length;
    }
  }
  return rows;
}

/** Rows of each class that has any, by counting. */
function rowsByClass(labels: Int32Array): Int32Array[] {
  const counts = new Int32Array(labels.reduce((a, b) => Math.max(a, b), 0) + 1);
  for (const label of labels) counts[label] = (counts[label] as number) + 1;
  const classes = Array.from(counts, (count) => new Int32Array(count));
  counts.fill(0);
  labels.forEach((label, row) => {
    const next = counts[label] as number;
    (classes[label] as Int32Array)[next] = row;
    counts[label] = next + 1;
  });
  return classes.filter((own) => own.length > 0);
}

/** Deals the order to ranks: a round is world local batches, one after the other (batch k goes to rank k mod world); what is
 *  left at the end of an epoch and fills no round is dropped (spec of the reference's sampler). */
export class Order {
  readonly #examples: Examples;
  readonly #seed: number;
  #epoch = -1;
  #rows: Int32Array = new Int32Array(0);

  constructor(examples: Examples, seed: number) {
    this.#examples = examples;
    this.#seed = seed;
  }

  /** Rows that rank takes in the round at (or, if the epoch is over, in the first of the next), and where the one after it begins.
   *  Undefined if even a whole epoch fills no round. */
  round(at: Position, { rank, world, batch }: { readonly rank: number; readonly world: number; readonly batch: number }): { rows: Int32Array; at: Position } | undefined {
    for (const { epoch, position } of [at, { epoch: at.epoch + 1, position: 0 }]) {
      const order = this.#order(epoch);
      const end = position + world * batch;
      if (end <= order.length) return { rows: order.slice(position + rank * batch, position + (rank + 1) * batch), at: { epoch, position: end } };
    }
    return undefined;
  }

  #order(epoch: number): Int32Array {
    if (epoch !== this.#epoch) {
      this.#rows = epochOrder(this.#examples, this.#seed, epoch);
      this.#epoch = epoch;
    }
    return this.#rows;
  }
}

class Random {
  readonly #philox: Philox;
  #words: Uint32Array = new Uint32Array(0);
  #used = 0;

  constructor(seed: number, epoch: number) { this.#philox = new Philox([seed, PURPOSE], [epoch, 0]); }

  /** Fisher-Yates. */
  shuffle(values: Int32Array): void {
    for (let i = values.length - 1; i > 0; i--) {
      const j = this.#below(i + 1);
      const held = values[i] as number;
      values[i] = values[j] as number;
      values[j] = held;
    }
  }

  /** Uniform in [0, n): the words past the last whole multiple of n are drawn again. */
  #below(n: number): number {
    const limit = 2 ** 32 - 2 ** 32 % n;
    for (;;) {
      if (this.#used === this.#words.length) {
        this.#words = this.#philox.next();
        this.#used = 0;
      }
      const word = this.#words[this.#used++] as number;
      if (word < limit) return word % n;
    }
  }
}
