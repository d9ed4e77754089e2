import type { DType, Engine, Gang, HostData } from '../engine/types.ts';
import { sizeOfShape, type ParameterInfo } from '../model/parameters.ts';
import { planBuckets } from './buckets.ts';
import { KINDS, type HostState } from './state.ts';

/** Rank 0's numbers, on every rank. Others pass an array of the same type and length, whose values do not matter. */
export async function fromRankZero<Data extends HostData>(engine: Engine, gang: Gang, values: Data, dtype: DType): Promise<Data> {
  if (gang.world === 1) return values;
  using own = engine.tensor(values, [values.length], dtype);
  const [sent] = await gang.broadcast([own]);
  if (sent === undefined) throw new TypeError('A broadcast of one tensor gave none');
  using held = sent;
  return held.data() as Data;
}

/** Rank 0's training state, on every rank: a few large messages, one bucket in memory at a time. state: rank 0 only. */
export async function shareState(engine: Engine, gang: Gang, trained: readonly ParameterInfo[], state: HostState | undefined): Promise<HostState> {
  if (gang.world === 1 && state !== undefined) return state;
  const buckets = planBuckets(trained.map((info) => info.shape));
  const shared: Record<string, Record<string, Float32Array>> = {};
  for (const kind of KINDS) {
    const values: Record<string, Float32Array> = {};
    let next = 0;
    for (const bucket of buckets) {
      const members = trained.slice(next, next + bucket.length);
      next += bucket.length;
      const flat = new Float32Array(bucket.reduce((sum, member) => sum + member.size, 0));
      if (state !== undefined) {
        let at = 0;
        for (const { name, shape } of members) {
          flat.set(state[kind][name] as Float32Array, at);
          at += sizeOfShape(shape);
        }
      }
      const got = await fromRankZero(engine, gang, flat, 'float32');
      let at = 0;
      for (const { name, shape } of members) {
        const size = sizeOfShape(shape);
        values[name] = got.slice(at, at + size);
        at += size;
      }
    }
    shared[kind] = values;
  }
  return shared as HostState;
}
