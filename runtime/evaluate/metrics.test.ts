import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fixtureManifest, fixtureTensors } from './fixture.ts';
import { choleskyFactor, frechetDistance } from './frechet.ts';
import { inceptionScore, softmax } from './inception-score.ts';
import { drawSubsets, kernelDistance } from './kernel-distance.ts';
import { Moments } from './moments.ts';
import { precisionRecall } from './precision-recall.ts';
import { EvaluateError, productTransposed, rowsOf, slice } from './rows.ts';

const features = await fixtureTensors('metrics/features.safetensors');
const kd = await fixtureTensors('metrics/kd.safetensors');
const { results } = fixtureManifest;

function assertClose(actual: number, expected: number, relative: number, what: string): void {
  assert.ok(Math.abs(actual - expected) <= relative * Math.abs(expected), `${what}: ${actual} instead of ${expected}`);
}

const frechetCases = {
  fid_small: ['small_ref', 'small_sample'], fid_pool: ['pool_ref', 'pool_sample'], fid_spatial: ['spatial_ref', 'spatial_sample'],
} as const;
for (const [name, [reference, samples]] of Object.entries(frechetCases) as [keyof typeof frechetCases, readonly [string, string]][]) {
  test(`Fréchet distance of ${name} is the exact one`, () => {
    const { exact } = results[name];
    const got = frechetDistance(features(reference, 1 / 64), features(samples, 1 / 64));
    assertClose(got.distance, exact.fid, 1e-8, 'distance');
    assertClose(got.meanTerm, exact.mean_term, 1e-8, 'mean term');
    assertClose(got.traceReference, exact.trace_ref, 1e-8, 'trace of the reference');
    assertClose(got.traceSamples, exact.trace_sample, 1e-8, 'trace of the samples');
    assertClose(got.traceRoot, exact.trace_sqrt, 1e-8, 'trace of the root');
  });
}

test('Fréchet distance of features with a flat spectrum agrees with dgm-eval', () => {
  assertClose(frechetDistance(kd('reps_real'), kd('reps_gen')).distance, results.fd_reps.exact.fid, 1e-8, 'distance');
});

test('statistics gathered in batches give the distance that the features give', () => {
  const statistics = (name: string): ReturnType<Moments['statistics']> => {
    const all = features(name, 1 / 64);
    const moments = new Moments(all.columns);
    for (const [start, end] of [[0, 1], [1, 130], [130, 133], [133, all.rows]] as const) moments.add(slice(all, start, end));
    assert.equal(moments.count, all.rows);
    return moments.statistics();
  };
  const reference = statistics('small_ref');
  const mu = features('small_ref_mu').data;
  const sigma = features('small_ref_sigma').data;
  // The fixture's mean was taken in float32.
  reference.mean.forEach((value, k) => { assertClose(value, mu[k] as number, 1e-6, `mean ${k}`); });
  reference.covariance.forEach((value, k) => { assert.ok(Math.abs(value - (sigma[k] as number)) < 1e-13, `covariance ${k}`); });
  assertClose(frechetDistance(reference, statistics('small_sample')).distance, results.fid_small.exact.fid, 1e-8, 'distance');
});

test('singular covariances lose little, and one side may be statistics', () => {
  const reference = slice(features('small_ref', 1 / 64), 0, 20);
  const samples = slice(features('small_sample', 1 / 64), 0, 30);
  const moments = new Moments(48);
  moments.add(reference);
  const exact = frechetDistance(reference, samples).distance;
  assert.equal(choleskyFactor(moments.statistics().covariance, 48).rows, 19);
  assertClose(frechetDistance(moments.statistics(), samples).distance, exact, 1e-9, 'distance');
});

test('the distance of a set to itself is 0', () => {
  const pool = slice(features('pool_ref', 1 / 64), 0, 50);
  assert.ok(Math.abs(frechetDistance(pool, pool).distance) < 1e-9);
});

test('a factor of a covariance multiplies back to it', () => {
  const sigma = features('small_ref_sigma').data as Float64Array;
  const factor = choleskyFactor(sigma, 48);
  const transposed = new Float64Array(48 * factor.rows);
  for (let i = 0; i < factor.rows; i++) for (let j = 0; j < 48; j++) transposed[j * factor.rows + i] = factor.data[i * 48 + j] as number;
  const rows = rowsOf(transposed, 48, factor.rows);
  productTransposed(rows, rows).forEach((value, k) => { assert.ok(Math.abs(value - (sigma[k] as number)) < 1e-14); });
});

for (const [size, { float64 }] of Object.entries(results.inception_score)) {
  test(`inception score with splits of ${size}`, () => {
    const got = inceptionScore(softmax(features('logits', 1 / 8)), Number(size));
    assertClose(got.mean, float64.mean, 1e-10, 'mean');
    assert.equal(got.splits.length, float64.per_split.length);
    got.splits.forEach((value, i) => { assertClose(value, float64.per_split[i] as number, 1e-10, `split ${i}`); });
  });
}

test('a class that no picture has adds nothing to the inception score', () => {
  assert.deepEqual(inceptionScore(rowsOf(Float64Array.of(1, 0, 0, 0, 1, 0), 2, 3)).mean, 2);
});

for (const [name, { scale, float64 }] of Object.entries(results.precision_recall)) {
  test(`precision and recall of ${name}, whatever the block`, async () => {
    const prefix = name.startsWith('pool') ? 'pool' : 'small';
    const load = (set: string): ReturnType<typeof features> => features(`${prefix}_${set}`, scale / 64);
    for (const block of [2048, 77]) {
      const got = await precisionRecall(load('ref'), load('sample'), { neighbours: 3, block });
      assert.equal(got.precision, float64.precision);
      assert.equal(got.recall, float64.recall);
      const radii = { ref: got.referenceRadii, sample: got.sampleRadii };
      for (const set of ['ref', 'sample'] as const) {
        const want = features(`${prefix}_radii_${set}_float64`).data;
        radii[set].forEach((value, i) => { assertClose(value, (want[i] as number) * scale ** 2, 1e-12, `radius ${i} of ${set}`); });
      }
    }
  });
}

for (const [name, want] of Object.entries(results.kd)) {
  test(`kernel distance, case ${name}: numpy's subsets, their MMD, mean and deviation`, () => {
    const gamma = typeof want.gamma === 'number' ? want.gamma : 1 / 128;
    const got = kernelDistance(kd('reps_real'), kd('reps_gen'), { subsets: want.n_subsets, subsetSize: want.subset_size, degree: want.degree, gamma, coef0: want.coef0 });
    assertClose(got.mean, want.kd_value, 1e-9, 'mean');
    assertClose(got.std, want.kd_variance_is_std, 1e-9, 'deviation');
    const mmd = kd(`${name}/mmd`).data;
    const real = kd(`${name}/real_idx`);
    const generated = kd(`${name}/gen_idx`);
    got.indices.forEach((subset, i) => {
      assert.deepEqual(Array.from(subset.real), Array.from(slice(real, i, i + 1).data));
      assert.deepEqual(Array.from(subset.generated), Array.from(slice(generated, i, i + 1).data));
      assertClose(got.perSubset[i] as number, mmd[i] as number, 1e-9, `subset ${i}`);
    });
  });
}

test('sets above 50 000 pictures are first reduced to distinct ones', () => {
  const [subset] = drawSubsets(60_000, 100, { subsets: 1, subsetSize: 1000 });
  assert.equal(subset?.real.length, 100);
  assert.equal(new Set(subset?.real).size, 100);
  assert.ok(subset?.real.every((index) => index >= 0 && index < 60_000));
});

const refused: Record<string, { run: () => unknown; message: RegExp }> = {
  'one picture has no covariance': { run: () => frechetDistance(rowsOf(new Float64Array(3), 1, 3), rowsOf(new Float64Array(6), 2, 3)), message: /covariance of 1 picture\. Use at least 2/ },
  'features of other widths': { run: () => frechetDistance(rowsOf(new Float64Array(6), 2, 3), rowsOf(new Float64Array(8), 2, 4)), message: /features of 3 and 4 dimensions/ },
  'a feature that is not a number': { run: () => frechetDistance(rowsOf(Float64Array.of(1, NaN, 2, 3), 2, 2), rowsOf(new Float64Array(4), 2, 2)), message: /hold NaN \(row 0, column 1\)/ },
  'too few points for their neighbours': { run: () => precisionRecall(rowsOf(new Float64Array(6), 3, 2), rowsOf(new Float64Array(20), 10, 2)), message: /3 neighbours among 3 reference pictures/ },
  'a matrix cut short': { run: () => rowsOf(new Float64Array(5), 2, 3), message: /5 numbers as 2 rows of 3/ },
};
for (const [name, { run, message }] of Object.entries(refused)) {
  test(`refused: ${name}`, async () => {
    await assert.rejects(async () => run(), (error: unknown) => error instanceof EvaluateError && message.test(error.message));
  });
}
