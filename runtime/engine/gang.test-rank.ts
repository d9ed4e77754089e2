/** One rank of the gangs of gang.test.ts: node gang.test-rank.ts RANK ADDRESSES SCENE; answers with lines of JSON. */
import { once } from 'node:events';
import * as tf from '@tensorflow/tfjs-core';
import { PeerLostError, startEngine, type DeviceTensor, type EngineError } from './index.ts';

const [rank, addresses, scene] = [Number(process.argv[2]), (process.argv[3] ?? '').split(','), process.argv[4]];
const say = (line: object): void => { process.stdout.write(`${JSON.stringify(line)}\n`); };
const engine = startEngine({ threads: 1, device: 'cpu' });
const numbers = (tensors: readonly DeviceTensor[]): number[][] => tensors.map((tensor) => Array.from(tensor.data() as ArrayLike<number | bigint>, Number));

async function meet(): Promise<void> {
  await using gang = await engine.joinGang({ rank, addresses, joinTimeoutSeconds: 60 });
  using floats = engine.tensor(Float32Array.of(rank, 1, -rank), [3]);
  using doubles = engine.tensor(Float64Array.of(rank + 0.1), [1, 1]);
  using integers = engine.tensor(Int32Array.of(rank, 7), [2]);
  say({ mean: numbers(await gang.allReduce([floats, doubles])), sum: numbers(await gang.allReduce([floats, integers], 'sum')) });
  say({ broadcast: numbers(await gang.broadcast([floats, integers, doubles])) });
  // The devices are others now: what is made after joining works on them.
  using counter = engine.variable('counter', Float32Array.of(rank), [1]);
  using count = engine.compile('count', (_, state) => {
    const next = tf.add(state.read('counter'), 1);
    state.assign('counter', next);
    return { next };
  }, { args: {}, state: { counter } });
  for (let step = 0; step < 100; step++) {
    const { next } = await count.call({});
    using value = next as DeviceTensor;
    for (const reduced of await gang.allReduce([value], 'sum')) reduced[Symbol.dispose]();
  }
  say({ counter: counter.read()[0] });
  await gang.barrier();
}

async function loseRank(): Promise<void> {
  const gang = await engine.joinGang({ rank, addresses, joinTimeoutSeconds: 60 });
  using bucket = engine.tensor(new Float32Array(1e5), [1e5]);
  say({ ready: true });
  try {
    for (;;) for (const reduced of await gang.allReduce([bucket])) reduced[Symbol.dispose]();
  } catch (error) {
    say({ at: Date.now(), lost: error instanceof PeerLostError ? error.rank : undefined, message: (error as Error).message });
  }
}

/** Rank 1 is killed while rank 0 computes and no collective is under way. */
async function loseBetween(): Promise<void> {
  const gang = await engine.joinGang({ rank, addresses, joinTimeoutSeconds: 60 });
  using bucket = engine.tensor(new Float32Array(1e5), [1e5]);
  for (const reduced of await gang.allReduce([bucket])) reduced[Symbol.dispose]();
  say({ ready: true });
  if (rank !== 0) await new Promise(() => { setInterval(() => undefined, 1000); });
  await once(process.stdin, 'data');
  const began = Date.now();
  try {
    await gang.allReduce([bucket]);
    say({ lost: 'nobody' });
  } catch (error) {
    say({ took: Date.now() - began, lost: error instanceof PeerLostError ? error.rank : undefined });
  }
}

async function refuse(): Promise<void> {
  try {
    await engine.joinGang({ rank, addresses, joinTimeoutSeconds: 1 });
  } catch (error) {
    say({ code: (error as EngineError).code, message: (error as Error).message });
  }
}

switch (scene) {
  case 'meet': await meet(); break;
  case 'lose': await loseRank(); process.exit(76); break;
  case 'between': await loseBetween(); process.exit(76); break;
  default: await refuse(); process.exit(1);
}
