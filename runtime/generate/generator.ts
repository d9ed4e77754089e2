import type { Engine, Variable } from '../engine/types.ts';
import { compileNetwork } from '../flow/network.ts';
import type { SamplingOptions } from '../flow/sampler.ts';
import type { ModelConfig } from '../model/config.ts';
import { parameterTable } from '../model/parameters.ts';
import type { Decoder } from './decode.ts';
import type { Generator } from './generate.ts';

export interface GeneratorOptions {
  readonly config: ModelConfig;
  /** By state-dict name; every trained parameter. */
  readonly weights: Readonly<Record<string, Float32Array>>;
  readonly sampling: SamplingOptions;
  readonly decoder: Decoder;
  /** Pictures drawn at a time. */
  readonly batch: number;
  readonly precision?: 'float32' | 'bfloat16';
}

/** Puts weights on the device and compiles the network, with guidance only where the sampler asks for it. */
export function openGenerator(engine: Engine, options: GeneratorOptions): Generator & Disposable {
  const { config, weights, sampling, decoder, batch, precision = 'float32' } = options;
  const { guidance } = sampling.sampler;
  using building = new DisposableStack();
  const variables: Record<string, Variable> = {};
  for (const { name, shape, kind } of parameterTable(config)) {
    const value = weights[name];
    if (kind !== 'trained') continue; // tables are computed from the configuration
    if (value === undefined) throw new TypeError(`Cannot build the network: there are no weights "${name}". Pass every trained parameter of parameterTable(config)`);
    variables[name] = building.use(engine.variable(name, value, shape));
  }
  const network = building.use(compileNetwork(engine, variables, config, batch, { guided: guidance.scale > 1, pathDrop: guidance.pathDrop, precision }));
  const held = building.move();
  return { network, config, sampling, decoder, [Symbol.dispose]() { held.dispose(); } };
}
