import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs-core';
import { randomNormal, randomUniform, startEngine, type Body, type CompileSpecs } from './index.ts';
import { purposeHash } from './random.ts';

const engine = startEngine({ threads: 1, device: 'cpu' });
const scalar = { dtype: 'int32', shape: [] } as const;
const specs: CompileSpecs = { args: { seed: scalar, step: scalar } };
const draw: Body = ({ seed, step }) => ({
  uniform: randomUniform({ seed: seed!, step: step!, purpose: 'time' }, [3, 5, 7]),
  normal: randomNormal({ seed: seed!, step: step!, purpose: 'noise' }, [1001]),
});

async function numbers(body: Body, how: 'eager' | 'graph' | 'xla', seed: number, step: number): Promise<{ uniform: number[]; normal: number[] }> {
  using f = how === 'eager' ? engine.eager('draw', body, specs) : engine.compile('draw', body, { ...specs, xla: how === 'xla' });
  const { uniform, normal } = await f.call({ seed: Int32Array.of(seed), step: Int32Array.of(step) });
  using u = uniform!;
  using n = normal!;
  return { uniform: [...u.data() as Float32Array], normal: [...n.data() as Float32Array] };
}

type Numbers = Awaited<ReturnType<typeof numbers>>;
function assertSame(actual: Numbers, expected: Numbers, how: string): void {
  assert.deepEqual(actual.uniform, expected.uniform, `uniform, ${how}`);
  const error = Math.max(...actual.normal.map((value, i) => Math.abs(value - expected.normal[i]!)));
  // The words drawn are equal; sine, cosine and logarithm of the code generators differ in the last place.
  assert.ok(error <= 1e-6, `normal, ${how}: ${error}`);
}

test('a key gives the same numbers eager, as a graph and under XLA', async () => {
  for (const [seed, step] of [[0, 0], [7, 123456], [-3, 2 ** 31 - 1]] as const) {
    const eager = await numbers(draw, 'eager', seed, step);
    for (const how of ['graph', 'xla'] as const) assertSame(await numbers(draw, how, seed, step), eager, how);
  }
});

test('a number and a tensor in a key mean the same', async () => {
  const constant: Body = () => ({
    uniform: randomUniform({ seed: 7, step: 9, purpose: 'time' }, [3, 5, 7]),
    normal: randomNormal({ seed: 7, step: 9, purpose: 'noise' }, [1001]),
  });
  for (const how of ['eager', 'graph', 'xla'] as const) assertSame(await numbers(constant, how, 0, 0), await numbers(draw, how, 7, 9), how);
});

test('seed, step and purpose each change every number', async () => {
  const base = await numbers(draw, 'eager', 1, 1);
  const other: Body = ({ seed, step }) => ({
    uniform: randomUniform({ seed: seed!, step: step!, purpose: 'labels' }, [3, 5, 7]),
    normal: randomNormal({ seed: seed!, step: step!, purpose: 'class noise' }, [1001]),
  });
  for (const changed of [await numbers(draw, 'eager', 2, 1), await numbers(draw, 'eager', 1, 2), await numbers(other, 'eager', 1, 1)]) {
    const equal = changed.normal.filter((value, i) => value === base.normal[i]).length;
    assert.ok(equal <= 1, `${equal} of 1001 numbers are equal`);
  }
});

test('the numbers have the distribution asked for', () => {
  const [uniform, normal] = tf.tidy(() => [randomUniform, randomNormal].map((f) => f({ seed: 5, step: 0, purpose: 'moments' }, [100_000]).dataSync())) as [Float32Array, Float32Array];
  const mean = (values: Float32Array): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  // Five standard errors.
  assert.ok(Math.abs(mean(uniform) - 0.5) < 5 * Math.sqrt(1 / 12 / 1e5));
  assert.ok(Math.abs(mean(normal)) < 5 / Math.sqrt(1e5));
  assert.ok(Math.abs(mean(normal.map((value) => value * value)) - 1) < 5 * Math.sqrt(2 / 1e5));
  assert.ok(uniform.every((value) => value >= 0 && value < 1));
});

test('purposes that the program uses do not collide', () => {
  const purposes = ['path-drop', ...Array.from({ length: 1024 }, (_, rank) => ['time', 'noise', 'class-noise', 'label-drop', 'tokens'].map((name) => `rank${rank}/${name}`)).flat()];
  assert.equal(new Set(purposes.map(purposeHash)).size, purposes.length);
});
