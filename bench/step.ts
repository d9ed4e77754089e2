import { ObjectiveSpec, OptimizerSpec } from '@srdit/crds';
import { startEngine } from '../runtime/engine/index.ts';
import { initialParameters, parameterTable } from '../runtime/model/parameters.ts';
import type { ModelConfig } from '../runtime/model/config.ts';
import { gaussian } from './gaussian.ts';
import { Peer } from './peer.ts';
import { peerConfig } from './setup.ts';
import { median } from '../runtime/median.ts';
import { usage } from './usage.ts';
import { freshState, TrainingState } from '../runtime/train/state.ts';
import type { HostBatch } from '../runtime/data/batch.ts';
import { TrainStep } from '../runtime/train/step.ts';

export interface StepOptions {
  readonly config: ModelConfig; readonly batch: number; readonly threads: number;
  /** Steps that are timed, in blocks that alternate with the peer's. */
  readonly steps: number; readonly block: number;
  readonly precision: 'float32' | 'bfloat16';
  readonly peer: boolean;
  readonly log: (line: string) => void;
}

export interface StepResult {
  readonly parameters: number; readonly batch: number; readonly threads: number;
  /** Median of a step, milliseconds; least and most. */
  readonly ms: number; readonly msRange: readonly [number, number];
  readonly cpuMsPerStep: number; readonly peakRss: number; readonly rss: number; readonly compileSeconds: number;
  readonly peer?: { readonly torch: string; readonly ms: number; readonly msRange: readonly [number, number]; readonly cpuMsPerStep: number; readonly peakRss: number; readonly parameters: number };
  /** Our median over the peer's. */
  readonly ratio?: number; readonly memoryRatio?: number;
  /** The same of CPU time: on a machine that others use too it says more. */
  readonly cpuRatio?: number;
}

/** Times the optimizer step: forward, backward, clip, AdamW, EMA, one rank. */
export async function benchStep({ config, batch, threads, steps, block, precision, peer: withPeer, log }: StepOptions): Promise<StepResult> {
  using peer = withPeer ? await Peer.start(peerConfig(config, batch, threads), log) : undefined;
  const engine = startEngine({ threads });
  await using gang = await engine.joinGang({ rank: 0, addresses: ['localhost:0'] });
  using state = new TrainingState(engine, config, freshState(config, initialParameters(config, 1)));
  using step = new TrainStep(engine, gang, state, config, {
    objective: ObjectiveSpec.parse({}), optimizer: OptimizerSpec.parse({}), seed: 0, precision, steps: 1_000_000, accumulation: 1, batch,
  });
  const { channels, latentSize, classTokenWidth, featureWidths: [width = 0] } = config;
  const host: HostBatch = {
    latents: gaussian(batch * channels * latentSize ** 2, 1), labels: Int32Array.from({ length: batch }, (_, i) => i % config.numClasses),
    ...(classTokenWidth > 0 && { cls: gaussian(batch * classTokenWidth, 2) }),
    ...(width > 0 && { features: gaussian(batch * (latentSize ** 2 + 1) * width, 3) }),
  };
  let k = 0;
  const once = async (): Promise<number> => {
    const start = performance.now();
    using pending = await step.run(++k, () => Promise.resolve(host), false);
    pending.read();
    return performance.now() - start;
  };
  log('compiling ...');
  const compileSeconds = await once() / 1000;
  for (let i = 0; i < 3; i++) await once();
  let peerCpu = (await peer?.ask({ do: 'steps', n: 3 }))?.cpuSeconds ?? 0;
  const peerCpuStart = peerCpu;

  const ours: number[] = [], theirs: number[] = [];
  let cpu = 0, peerPeak = 0;
  while (ours.length < steps) {
    const before = usage().cpuSeconds;
    for (let i = 0; i < block; i++) ours.push(await once());
    cpu += usage().cpuSeconds - before;
    const reply = await peer?.ask({ do: 'steps', n: block });
    theirs.push(...reply?.ms ?? []);
    peerPeak = reply?.peakRss ?? 0;
    peerCpu = reply?.cpuSeconds ?? 0;
    log(`${ours.length} of ${steps} steps: ${median(ours).toFixed(0)} ms${peer === undefined ? '' : `, peer ${median(theirs).toFixed(0)} ms`}`);
  }
  const { peakRss, rss } = usage();
  const parameters = parameterTable(config).filter((info) => info.kind === 'trained').reduce((sum, info) => sum + info.shape.reduce((a, b) => a * b, 1), 0);
  const cpuMsPerStep = cpu * 1000 / ours.length;
  const peerCpuMs = (peerCpu - peerCpuStart) * 1000 / theirs.length;
  return {
    parameters, batch, threads, ms: median(ours), msRange: range(ours), cpuMsPerStep, peakRss, rss, compileSeconds,
    ...(peer !== undefined && {
      peer: { torch: peer.torch, ms: median(theirs), msRange: range(theirs), cpuMsPerStep: peerCpuMs, peakRss: peerPeak, parameters: peer.parameters },
      ratio: median(ours) / median(theirs), memoryRatio: peakRss / peerPeak, cpuRatio: cpuMsPerStep / peerCpuMs,
    }),
  };
}

const range = (values: readonly number[]): [number, number] => [Math.min(...values), Math.max(...values)];
