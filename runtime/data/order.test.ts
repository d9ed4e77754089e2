import assert from 'node:assert/strict';
import { test } from 'node:test';
import { epochOrder, Order, type Examples, type Position } from './order.ts';

const START: Position = { epoch: 0, position: 0 };
const sorted = (rows: Iterable<number>): number[] => [...rows].sort((a, b) => a - b);

/** Rows of all ranks, round after round, for so many rounds; each rank with an Order of its own, as in a gang. */
function deal(examples: Examples, seed: number, world: number, batch: number, rounds: number, from = START): { rows: number[]; at: Position }[][] {
  return Array.from({ length: world }, (_, rank) => {
    const order = new Order(examples, seed);
    let at = from;
    return Array.from({ length: rounds }, () => {
      const round = order.round(at, { rank, world, batch });
      assert.ok(round !== undefined);
      at = round.at;
      return { rows: [...round.rows], at };
    });
  });
}

test('an epoch takes every row once, in an order that seed and epoch alone decide', () => {
  const order = (seed: number, epoch: number): number[] => [...epochOrder({ total: 1000 }, seed, epoch)];
  assert.deepEqual(sorted(order(1, 0)), Array.from({ length: 1000 }, (_, i) => i));
  assert.deepEqual(order(1, 3), order(1, 3));
  for (const other of [order(2, 3), order(1, 4)]) {
    const same = other.filter((row, i) => row === order(1, 3)[i]).length;
    assert.ok(same < 12, `${same} of 1000 rows stand at the same place`); // about one by chance
  }
});

test('every order is equally likely', () => {
  const counts = new Map<string, number>();
  for (let epoch = 0; epoch < 6000; epoch++) {
    const key = epochOrder({ total: 3 }, 7, epoch).join('');
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  assert.equal(counts.size, 6);
  for (const count of counts.values()) assert.ok(Math.abs(count - 1000) < 150, `${[...counts]}`); // five deviations
});

test('batches are dealt round-robin, ranks are disjoint, an incomplete last round is dropped', () => {
  const [world, batch, total] = [3, 4, 50];
  const ranks = deal({ total }, 5, world, batch, 5); // 4 rounds of 12 an epoch, then the next epoch
  const epoch = epochOrder({ total }, 5, 0);
  for (let round = 0; round < 4; round++) {
    for (let rank = 0; rank < world; rank++) {
      const k = round * world + rank; // batch k of the permutation goes to rank k mod world
      assert.deepEqual(ranks[rank]?.[round]?.rows, [...epoch.subarray(k * batch, (k + 1) * batch)]);
      assert.deepEqual(ranks[rank]?.[round]?.at, { epoch: 0, position: (round + 1) * world * batch });
    }
  }
  const taken = ranks.flatMap((rounds) => rounds.slice(0, 4).flatMap(({ rows }) => rows));
  assert.equal(new Set(taken).size, 48);
  assert.deepEqual(ranks.map((rounds) => rounds[4]?.at), Array(world).fill({ epoch: 1, position: 12 }));
});

test('from any position the order goes on as it would have', () => {
  const whole = deal({ total: 50 }, 9, 2, 5, 14);
  for (let done = 1; done < 14; done++) {
    const from = whole[0]?.[done - 1]?.at;
    assert.deepEqual(deal({ total: 50 }, 9, 2, 5, 14 - done, from), whole.map((rounds) => rounds.slice(done)), `after round ${done}`);
  }
});

test('a gang of another size goes on where the first one ended, within the epoch', () => {
  const before = deal({ total: 48 }, 1, 2, 6, 2); // 24 examples
  const after = deal({ total: 48 }, 1, 3, 4, 2, before[0]?.[1]?.at);
  assert.deepEqual(sorted([...before, ...after].flatMap((rounds) => rounds.flatMap(({ rows }) => rows))), Array.from({ length: 48 }, (_, i) => i));
});

test('balanced: every class comes equally often, and none of a large one more than once', () => {
  const labels = Int32Array.from({ length: 100 }, (_, i) => (i < 80 ? 0 : i < 95 ? 2 : 5)); // 80, 15 and 5 pictures; 1, 3, 4 have none
  const seen = new Set<number>();
  for (let epoch = 0; epoch < 12; epoch++) {
    const rows = epochOrder({ total: 100, labels }, 3, epoch);
    const of = (label: number): number[] => [...rows].filter((row) => labels[row] === label);
    assert.deepEqual([0, 2, 5].map((label) => of(label).length), [34, 34, 34]);
    assert.equal(new Set(of(0)).size, 34);
    assert.equal(new Set(of(2)).size, 15);
    const repeats = [95, 96, 97, 98, 99].map((row) => of(5).filter((one) => one === row).length);
    assert.ok(repeats.every((times) => times === 6 || times === 7), `${repeats}`);
    for (const row of rows) seen.add(row);
    assert.deepEqual([...epochOrder({ total: 100, labels }, 3, epoch)], [...rows]);
  }
  assert.equal(seen.size, 100);
});

test('too few rows for a round: said, not waited for', () => {
  assert.equal(new Order({ total: 7 }, 0).round(START, { rank: 0, world: 2, batch: 4 }), undefined);
});
