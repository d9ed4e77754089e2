import { setTimeout as sleep } from 'node:timers/promises';
import type { DeviceTensor, Gang, GangOptions } from './types.ts';
import { Attr, type Attributes, type NativeTensor } from './addon.ts';
import { TF } from './dtype.ts';
import { EngineError, PeerLostError, reason } from './errors.ts';
import { look, portOf, Suspicion, type Answer } from './peers.ts';
import { encodeServer, taskName } from './protos.ts';
import type { Runtime } from './runtime.ts';
import { EagerTensor, handleOf, makeHandle } from './tensor.ts';

/** Starts this rank's part of TensorFlow's distributed runtime and waits for the others. */
export async function joinGang(runtime: Runtime, { rank, addresses, joinTimeoutSeconds = 600 }: GangOptions): Promise<Gang> {
  if (!Number.isInteger(rank) || rank < 0 || rank >= addresses.length) {
    throw new EngineError('BadArgument', `Cannot join as rank ${rank}: the gang has ${addresses.length} addresses, so ranks are 0 to ${addresses.length - 1}`);
  }
  if (addresses.length === 1) return solitary(runtime);
  const bad = addresses.find((address) => portOf(address) === undefined);
  if (bad !== undefined) throw new EngineError('BadArgument', `Cannot join the gang: address "${bad}" is not host:port`);
  const { tensors, variables, functions } = runtime.live;
  if (tensors + variables + functions > 0) {
    throw new EngineError('BadArgument', `Cannot join the gang: ${tensors} tensors, ${variables} variables and ${functions} functions exist already, and joining replaces the devices they live on. Join first`);
  }
  try {
    await runtime.addon.enableCollectives(runtime.context, encodeServer(runtime.config, rank, addresses));
  } catch (cause) {
    throw new EngineError('JoinFailed', `Cannot start the server of rank ${rank} on ${addresses[rank]}: ${reason(cause)}. Free the port or choose another address`, { cause });
  }
  const others = addresses.map((_, peer) => peer).filter((peer) => peer !== rank);
  await waitFor(others, addresses, joinTimeoutSeconds);
  const gang = new CollectiveGang(runtime, rank, addresses);
  await gang.barrier();
  return gang;
}

async function waitFor(others: readonly number[], addresses: readonly string[], seconds: number): Promise<void> {
  const deadline = performance.now() + seconds * 1000;
  let missing = others;
  for (;;) {
    const found = await Promise.all(missing.map((peer) => look(addresses[peer] ?? '', 1000)));
    missing = missing.filter((_, i) => found[i] !== 'listens');
    if (missing.length === 0) return;
    if (performance.now() >= deadline) {
      const names = missing.map((peer) => `${peer} (${addresses[peer]})`).join(', ');
      throw new EngineError('JoinFailed', `Cannot join the gang: after ${seconds} s ${missing.length === 1 ? 'rank' : 'ranks'} ${names} did not answer. See that every rank has been started and that its address can be reached`);
    }
    await sleep(100);
  }
}

/** Milliseconds until the peers of a collective are looked at, and then again. */
const LOOK_FIRST = 300;
const LOOK_AGAIN = 200;

/** All ranks are one group; its members meet in an op by its instance key. */
const GROUP = 1;

class CollectiveGang implements Gang {
  readonly rank: number;
  readonly world: number;
  readonly #runtime: Runtime;
  readonly #addresses: readonly string[];
  readonly #device: string;
  readonly #hint: string;
  readonly #instances = new Map<string, number>();
  #parity = 0;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(runtime: Runtime, rank: number, addresses: readonly string[]) {
    this.rank = rank;
    this.world = addresses.length;
    this.#runtime = runtime;
    this.#addresses = addresses;
    this.#device = `${taskName(rank)}${runtime.place}`;
    this.#hint = runtime.device === 'GPU' ? 'nccl' : 'ring';
  }

  allReduce(tensors: readonly DeviceTensor[], op: 'mean' | 'sum' = 'mean'): Promise<DeviceTensor[]> {
    const attributes = ['merge_op', Attr.string, 'Add', 'final_op', Attr.string, op === 'mean' ? 'Div' : 'Id'];
    return this.#together(tensors, (tensor, index) => ({
      op: 'CollectiveReduceV2',
      instance: `reduce ${op} ${index} ${tensor.dtype} ${tensor.shape.join()}`,
      attributes: [...attributes, 'Nordering_token', Attr.int, 0],
      first: [handleOf(tensor)], last: [],
    }));
  }

  broadcast(tensors: readonly DeviceTensor[]): Promise<DeviceTensor[]> {
    return this.#together(tensors, (tensor, index) => {
      const instance = `broadcast ${index} ${tensor.dtype} ${tensor.shape.join()}`;
      return this.rank === 0
        ? { op: 'CollectiveBcastSendV2', instance, attributes: [], first: [handleOf(tensor)], last: [] }
        : { op: 'CollectiveBcastRecvV2', instance, attributes: ['T', Attr.type, TF[tensor.dtype]], first: [], last: [this.#vector(tensor.shape)] };
    });
  }

  async barrier(): Promise<void> {
    using mine = new EagerTensor(this.#runtime, makeHandle(this.#runtime, Float32Array.of(1), [1], 'float32'));
    for (const result of await this.allReduce([mine], 'sum')) result[Symbol.dispose]();
  }

  /** TensorFlow's server cannot be stopped; it ends with the process. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#turn.then(() => undefined);
  }

  /** Runs one collective per tensor, in order: ranks that ran them in different orders would wait for each other for ever. */
  #together(tensors: readonly DeviceTensor[], plan: (tensor: DeviceTensor, index: number) => Collective): Promise<DeviceTensor[]> {
    const work = this.#turn.then(async () => {
      this.#parity ^= 1;
      const results: DeviceTensor[] = [];
      try {
        for (const [index, tensor] of tensors.entries()) results.push(await this.#run(plan(tensor, index)));
      } catch (error) {
        for (const result of results) result[Symbol.dispose]();
        throw error;
      }
      return results;
    });
    this.#turn = work.catch(() => undefined);
    return work;
  }

  async #run({ op, instance, attributes, first, last }: Collective): Promise<DeviceTensor> {
    const { addon, context } = this.#runtime;
    const keys = [this.world, GROUP, this.#instance(instance)].map((value) => makeHandle(this.#runtime, Int32Array.of(value), [], 'int32'));
    try {
      const [handle] = await this.#watched(addon.executeAsync(context, op, [...attributes, 'communication_hint', Attr.string, this.#hint], [...first, ...keys, ...last], 1, this.#device));
      if (handle === undefined) throw new EngineError('CallFailed', `Op "${op}" gave no result`);
      return new EagerTensor(this.#runtime, handle);
    } catch (cause) {
      throw await this.#diagnose(cause);
    } finally {
      for (const handle of [...keys, ...last]) addon.deleteTensor(handle);
    }
  }

  /** TensorFlow notices a peer that goes while they talk, but waits for ever for one that went while we computed. So the
   *  peers of a collective that takes long are looked at, and one that is gone ends it. A slow or stopped process still
   *  listens, and who does not answer in time is not taken for dead for that, so only the dead are. */
  async #watched<Result>(collective: Promise<Result>): Promise<Result> {
    let over = false;
    const ended = collective.finally(() => { over = true; });
    const watch = async (): Promise<void> => {
      const suspicion = new Suspicion();
      for (let pause = LOOK_FIRST; ; pause = LOOK_AGAIN) {
        await sleep(pause, undefined, { ref: false });
        if (over) return;
        const gone = suspicion.heard(await this.#look());
        if (over) return;
        if (gone !== undefined) {
          this.#runtime.addon.abortCollectives(this.#runtime.context, `${taskName(gone)} is gone`);
          return;
        }
      }
    };
    void watch();
    return ended;
  }

  #look(): Promise<Answer[]> {
    return Promise.all(this.#addresses.map((address, peer) => peer === this.rank ? Promise.resolve<Answer>('listens') : look(address, 500)));
  }

  /** The same collective has the same key every other time it runs: TensorFlow keeps what it knows of a key for ever. */
  #instance(name: string): number {
    const known = this.#instances.get(name) ?? 1 + 2 * this.#instances.size;
    this.#instances.set(name, known);
    return known + this.#parity;
  }

  #vector(shape: readonly number[]): NativeTensor {
    return makeHandle(this.#runtime, Int32Array.from(shape), [shape.length], 'int32');
  }

  /** A collective fails when a peer is gone. Its name is in TensorFlow's message, or it is the one that refuses to be called. */
  async #diagnose(cause: unknown): Promise<unknown> {
    if (cause instanceof EngineError) return cause;
    const lost = (rank: number): PeerLostError => new PeerLostError(rank, this.#addresses[rank] ?? '', { cause });
    const answers = await this.#look();
    if (answers.includes('refuses')) return lost(answers.indexOf('refuses'));
    const named = [...reason(cause).matchAll(/\/job:worker\/replica:0\/task:(\d+)/g)].map((match) => Number(match[1])).find((peer) => peer !== this.rank);
    if (named !== undefined && (cause as { code?: string }).code === 'UNAVAILABLE') return lost(named);
    if (answers.includes('silent')) return lost(answers.indexOf('silent'));
    return new EngineError('CallFailed', `Cannot finish a collective of rank ${this.rank}: ${reason(cause)}`, { cause });
  }
}

interface Collective {
  readonly op: string;
  /** Names the collective alike on every rank. */
  readonly instance: string;
  readonly attributes: Attributes;
  /** Inputs before and after (group size, group key, instance key). */
  readonly first: readonly NativeTensor[];
  readonly last: readonly NativeTensor[];
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
