import * as z from 'zod';
import { frechetDistance } from '../evaluate/frechet.ts';
import { inceptionScore, softmax } from '../evaluate/inception-score.ts';
import { kernelDistance } from '../evaluate/kernel-distance.ts';
import { precisionRecall } from '../evaluate/precision-recall.ts';
import { rowsOf, type Rows } from '../evaluate/rows.ts';
import type { Tolerance } from './compare.ts';
import { tensorOf, type Fixture, type HostTensor } from './fixture.ts';
import type { Runner } from './runner.ts';

const Frechet = z.object({ exact: z.object({ fid: z.number(), mean_term: z.number(), trace_ref: z.number(), trace_sample: z.number(), trace_sqrt: z.number() }) });
const Inception = z.record(z.string(), z.object({ float64: z.object({ mean: z.number(), per_split: z.array(z.number()) }) }));
const PrecisionRecall = z.record(z.string(), z.object({ scale: z.number(), float64: z.object({ precision: z.number(), recall: z.number() }) }));
const Kernel = z.record(z.string(), z.object({
  kd_value: z.number(), kd_variance_is_std: z.number(), n_subsets: z.int(), subset_size: z.int(), degree: z.number(), coef0: z.number(),
  // A number, or in words "1/dim = 1/128".
  gamma: z.union([z.number(), z.string()]),
}));
const Manifest = z.object({ nhood: z.int().default(3), results: z.record(z.string(), z.unknown()) });

/** "exact: rel 1e-8"; "inception: 1e-10 (float64)"; "pr: equal to float64 value"; "kd: rel 1e-9 given the indices". */
const FRECHET: Tolerance = { kind: 'elements', abs: 0, rel: 1e-8 };
const INCEPTION: Tolerance = { kind: 'elements', abs: 0, rel: 1e-10 };
const RADIUS: Tolerance = { kind: 'elements', abs: 0, rel: 1e-12 };
const KERNEL: Tolerance = { kind: 'elements', abs: 0, rel: 1e-9 };
const EQUAL: Tolerance = { kind: 'elements', abs: 0, rel: 0 };

/** metrics: Fréchet distance (FID, sFID), inception score, precision and recall, kernel distance on recorded features. */
export async function checkMetrics(fixture: Fixture, runner: Runner): Promise<void> {
  const { nhood, results } = Manifest.parse(fixture.manifest);
  const features = fixture.file('features.safetensors');
  const loadKernel = (name: string): HostTensor => tensorOf(fixture.file('kd.safetensors'), name);
  const load = (name: string, scale = 1): Rows => rows(tensorOf(features, name), scale);

  for (const [name, value] of Object.entries(results)) {
    switch (name) {
      case 'inception_score':
        for (const [size, { float64 }] of Object.entries(Inception.parse(value))) {
          const got = inceptionScore(softmax(load('logits')), Number(size));
          runner.compareHost('inception score', `splits of ${size}`, [got.mean, ...got.splits], [float64.mean, ...float64.per_split], INCEPTION);
        }
        break;
      case 'precision_recall':
        for (const [set, { scale, float64 }] of Object.entries(PrecisionRecall.parse(value))) {
          const prefix = Object.keys(features).filter((key) => key.endsWith('_ref')).map((key) => key.slice(0, -'_ref'.length)).find((key) => set.startsWith(key)) ?? set;
          const got = await precisionRecall(load(`${prefix}_ref`, scale), load(`${prefix}_sample`, scale), { neighbours: nhood });
          runner.compareHost('precision, recall', set, [got.precision, got.recall], [float64.precision, float64.recall], EQUAL);
          for (const [side, radii] of [['ref', got.referenceRadii], ['sample', got.sampleRadii]] as const) {
            const want = features[`${prefix}_radii_${side}_float64`];
            if (want !== undefined) runner.compareHost('precision, recall', `${set} radii ${side}`, radii, Float64Array.from(want.data, (radius) => radius * scale ** 2), RADIUS);
          }
        }
        break;
      case 'kd':
        for (const [set, want] of Object.entries(Kernel.parse(value))) {
          const real = rows(loadKernel('reps_real'));
          const gamma = typeof want.gamma === 'number' ? want.gamma : 1 / real.columns;
          const got = kernelDistance(real, rows(loadKernel('reps_gen')), { subsets: want.n_subsets, subsetSize: want.subset_size, degree: want.degree, coef0: want.coef0, gamma });
          runner.compareHost('kernel distance', `${set} subsets`, got.indices.flatMap(({ real: a, generated: b }) => [...Array.from(a), ...Array.from(b)]),
            got.indices.flatMap((_, i) => ['real_idx', 'gen_idx'].flatMap((side) => rowOf(loadKernel(`${set}/${side}`), i))), EQUAL);
          runner.compareHost('kernel distance', `${set} squared MMD`, got.perSubset, loadKernel(`${set}/mmd`).data, KERNEL);
          runner.compareHost('kernel distance', `${set} mean, std`, [got.mean, got.std], [want.kd_value, want.kd_variance_is_std], KERNEL);
        }
        break;
      default: {
        const { exact } = Frechet.parse(value);
        const set = name.replace(/^fi?d_/, '');
        const got = `${set}_ref` in features
          ? frechetDistance(load(`${set}_ref`), load(`${set}_sample`)) : frechetDistance(rows(loadKernel(`${set}_real`)), rows(loadKernel(`${set}_gen`)));
        runner.compareHost('Fréchet distance', `${set}: distance, mean term, traces`, [got.distance, got.meanTerm, got.traceReference, got.traceSamples, got.traceRoot],
          [exact.fid, exact.mean_term, exact.trace_ref, exact.trace_sample, exact.trace_sqrt], FRECHET);
      }
    }
  }
}

/** "value = uint8 / 64 for features; value = int8 / 8 for logits"; floats as they are. */
function rows({ shape, data }: HostTensor, scale = 1): Rows {
  const unit = data instanceof Uint8Array ? 1 / 64 : data instanceof Int8Array ? 1 / 8 : 1;
  const [count = 0, ...rest] = shape;
  return rowsOf(Float64Array.from(data, (value) => value * unit * scale), count, rest.reduce((a, b) => a * b, 1));
}

function rowOf({ shape, data }: HostTensor, row: number): number[] {
  const width = shape[1] ?? 1;
  return Array.from(data.subarray(row * width, (row + 1) * width));
}
