import type { DeviceTensor, Gang, GangOptions } from './types.ts';
import { EngineError } from './errors.ts';
import type { Runtime } from './runtime.ts';
import { EagerTensor, handleOf } from './tensor.ts';

export async function joinGang(runtime: Runtime, options: GangOptions): Promise<Gang> {
  if (options.addresses.length === 1) return solitary(runtime);
  throw new EngineError('JoinFailed', 'Cannot join a gang of several ranks');
}

/** A gang of one: collectives are copies. */
function solitary(runtime: Runtime): Gang {
  const copy = (tensors: readonly DeviceTensor[]): Promise<DeviceTensor[]> => Promise.resolve(tensors.map((tensor) => {
    const [handle] = runtime.addon.execute(runtime.context, 'Identity', [], [handleOf(tensor)], 1, runtime.place);
    if (handle === undefined) throw new EngineError('CallFailed', 'Op "Identity" gave no result');
    return new EagerTensor(runtime, handle);
  }));
  return {
    rank: 0, world: 1,
    allReduce: copy,
    broadcast: copy,
    barrier: () => Promise.resolve(),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
