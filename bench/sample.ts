import { startEngine } from '../runtime/engine/index.ts';
import { benchSample, BENCH_MODEL, type SampleBench } from '../runtime/generate/bench.ts';
import { Peer } from './peer.ts';
import { BENCH_BATCH, peerConfig } from './setup.ts';
import { median } from '../runtime/median.ts';
import { usage } from './usage.ts';

export interface SampleResult {
  readonly runs: readonly (SampleBench & { readonly peerImagesPerSecond?: number; /** Ours over the peer's. */ readonly ratio?: number })[];
  readonly peakRss: number;
}

/** Pictures a second, plain and guided with path drop; 10 SDE steps, batch 8. */
export async function benchSampling({ threads, steps, repeats, precision, peer: withPeer, log }: {
  threads: number; steps: number; repeats: number; precision: 'float32' | 'bfloat16'; peer: boolean; log: (line: string) => void;
}): Promise<SampleResult> {
  const engine = startEngine({ threads });
  log('compiling and sampling ...');
  const runs = await benchSample(engine, { steps, repeats, precision, batch: BENCH_BATCH });
  if (!withPeer) return { runs, peakRss: usage().peakRss };
  using peer = await Peer.start(peerConfig(BENCH_MODEL, BENCH_BATCH, threads), log);
  const compared = [];
  for (const run of runs) {
    const seconds: number[] = [];
    for (let i = 0; i <= repeats; i++) {
      const reply = await peer.ask({ do: 'sample', steps, guided: run.name === 'guided' });
      if (i > 0) seconds.push(reply.seconds ?? NaN);
    }
    const peerImagesPerSecond = BENCH_BATCH / median(seconds);
    compared.push({ ...run, peerImagesPerSecond, ratio: run.imagesPerSecond / peerImagesPerSecond });
  }
  return { runs: compared, peakRss: usage().peakRss };
}
