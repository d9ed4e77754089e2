/** One rank of the ring check, a process of its own: `node ringRank.ts ORDER` (JSON, see ring.ts). */
import { writeFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor } from '@tensorflow/tfjs-core';
import { startEngine, type Body, type CompileSpecs, type Engine, type Gang, type TensorSpec, type Variable } from '../engine/index.ts';
import { adamScalars, adamw, clipScale } from '../flow/optimizer.ts';
import type { ModelConfig } from '../model/config.ts';
import { parameterTable } from '../model/parameters.ts';
import { norm, type Numbers } from './compare.ts';
import { asArgument, readFixture, rowsOf, tensorOf, type HostTensor, type Tensors } from './fixture.ts';
import { PARTS } from './loss.ts';
import { checkedWeights, fixtureModel } from './modelConfig.ts';
import { adamSpec } from './optimizer.ts';
import { RingManifest, type RankOrder, type RankReport } from './ring.ts';
import type { Mode, Precision } from './runner.ts';
import { differentiated, float32TimeTable, lossesAndGradients, objectiveSpec, trainingArguments } from './trainingStep.ts';

type Setting = NonNullable<RingManifest['cases'][string]['float32'][string]>;

/** [L2 norm, sum, first six values (zero padded)], float64. */
function digest(values: Numbers): number[] {
  const list = Array.from(values);
  return [norm(list), list.reduce((sum, x) => sum + x, 0), ...Array.from({ length: 6 }, (_, i) => list[i] ?? 0)];
}

const order = JSON.parse(process.argv[2] ?? '') as RankOrder;
const fixture = readFixture(order.dir);
const manifest = RingManifest.parse(fixture.manifest);
const engine = startEngine({ threads: 1, device: 'cpu' });
const gang = await engine.joinGang({ rank: order.rank, addresses: order.addresses });
const report: Record<string, RankReport[string]> = {};
for (const [name, item] of Object.entries(manifest.cases)) {
  const config = fixtureModel(manifest.configs[name]);
  const weights = checkedWeights(config, fixture.file(manifest.weights[name] ?? ''));
  for (const precision of ['float32', 'float64'] as const) {
    for (const [setting, given] of Object.entries(item[precision] ?? {})) {
      const run: Partial<Record<Mode, Record<string, number[]>>> = {};
      for (const mode of precision === 'float64' ? ['compiled'] as const : ['eager', 'compiled'] as const) {
        run[mode] = await train({ engine, gang, mode, precision, config, weights, name, rows: [order.rank * item.local_batch, (order.rank + 1) * item.local_batch], setting: given });
      }
      report[`${name}/${precision}/${setting}`] = run;
    }
  }
}
await gang.barrier();
await gang[Symbol.asyncDispose]();
writeFileSync(order.report, JSON.stringify(report));

interface Training {
  readonly engine: Engine; readonly gang: Gang; readonly mode: Mode; readonly precision: Precision; readonly config: ModelConfig;
  readonly weights: Tensors; readonly name: string; readonly rows: readonly [number, number]; readonly setting: Setting;
}

/** The steps of one setting: gradients (compiled), mean over ranks of one flat bucket, clip and AdamW (compiled). */
async function train({ engine: on, gang: ranks, mode, precision, config, weights, name, rows, setting }: Training): Promise<Record<string, number[]>> {
  const io = fixture.file('ring.safetensors');
  const names = differentiated(config, true);
  const shapes = names.map((key) => tensorOf(weights, key).shape);
  const sizes = shapes.map((shape) => shape.reduce((a, b) => a * b, 1));
  const offsets = sizes.map((_, i) => sizes.slice(0, i).reduce((a, b) => a + b, 0));
  const spec = objectiveSpec({ path: 'linear', timeSampling: 'uniform', timeShift: true, shiftBase: 4096, contrastiveWeighting: 'uniform', coefficients: manifest.coef });
  const host = (data: HostTensor['data']) => (precision === 'float64' ? Float64Array.from(data) : Float32Array.from(data));
  const state: Record<string, Variable> = {};
  for (const { name: key, shape } of parameterTable(config)) state[key] = on.variable(key, host(tensorOf(weights, key).data), shape);
  const moments: Record<string, Variable> = {};
  names.forEach((key, i) => {
    for (const moment of ['m', 'v']) moments[`${moment}.${key}`] = on.variable(`${moment}.${key}`, host(new Float32Array(sizes[i] ?? 0)), shapes[i] ?? []);
  });
  const build = (title: string, body: Body, specs: CompileSpecs) => (mode === 'eager' ? on.eager(title, body, specs) : on.compile(title, body, { ...specs, xla: false, precision }));

  const argumentsOf = (step: number): Record<string, ReturnType<typeof asArgument>> => {
    const args = trainingArguments(io, `${name}/in/`, io, `${name}/step${step}/draw/`, { train: true, rows });
    const table = precision === 'float64' ? { timeTable: float32TimeTable(config, spec, rowsOf(tensorOf(io, `${name}/step${step}/draw/time_draw`), ...rows)) } : {};
    return Object.fromEntries(Object.entries({ ...args, ...table }).map(([key, tensor]) => [key, asArgument(tensor, precision)]));
  };
  const specsOf = (args: Record<string, ReturnType<typeof asArgument>>): Record<string, TensorSpec> => Object.fromEntries(Object.entries(args).map(([key, { spec: one }]) => [key, one]));
  using gradientFunction = build('ring-gradients', (args, held) => {
    const { losses, gradients } = lossesAndGradients(args, held, config, spec, { train: true, precision });
    return { ...losses, flat: tf.concat(gradients.map((gradient) => tf.reshape(gradient, [-1])), 0) };
  }, { args: specsOf(argumentsOf(0)), state });
  const adam = adamSpec(setting);
  const scalar: TensorSpec = { dtype: precision, shape: [] };
  const total = sizes.reduce((a, b) => a + b, 0);
  using updateFunction = build('ring-update', (args, held) => {
    const flat = args.flat as Tensor;
    const { norm: length, scale } = clipScale([flat], setting.clip_grad_norm);
    const clipped = tf.mul(flat, scale);
    names.forEach((key, i) => {
      const gradient = tf.reshape(tf.slice(clipped, [offsets[i] as number], [sizes[i] as number]), [...(shapes[i] ?? [])]);
      const next = adamw({ param: held.read(key), m: held.read(`m.${key}`), v: held.read(`v.${key}`) }, gradient,
        { keep: args.keep as Tensor, stepSize: args.stepSize as Tensor, rootScale: args.rootScale as Tensor }, adam);
      held.assign(key, next.param);
      held.assign(`m.${key}`, next.m);
      held.assign(`v.${key}`, next.v);
    });
    return { norm: length };
  }, { args: { flat: { dtype: precision, shape: [total] }, keep: scalar, stepSize: scalar, rootScale: scalar }, state: { ...state, ...moments } });

  const results: Record<string, number[]> = {};
  const digestAll = (prefix: string, flat: Numbers): void => names.forEach((key, i) => {
    const from = offsets[i] as number;
    results[`${prefix}/grad/${key}`] = digest(Array.prototype.slice.call(flat, from, from + (sizes[i] as number)) as number[]);
  });
  for (let step = 0; step < setting.steps.length; step++) {
    const args = argumentsOf(step);
    const { flat, ...losses } = await gradientFunction.call(Object.fromEntries(Object.entries(args).map(([key, { data }]) => [key, data])));
    for (const [ours, theirs] of Object.entries(PARTS)) results[`step${step}/${theirs}`] = Array.from(losses[ours]?.data() as Float64Array);
    for (const loss of Object.values(losses)) loss[Symbol.dispose]();
    if (flat === undefined) throw new Error('The step gave no gradients');
    digestAll(`step${step}/rank${order.rank}`, flat.data() as Float64Array);
    const [mean] = await ranks.allReduce([flat]);
    flat[Symbol.dispose]();
    if (mean === undefined) throw new Error('The gang gave no mean');
    digestAll(`step${step}`, mean.data() as Float64Array);
    const scalars = Object.fromEntries(Object.entries(adamScalars(adam, setting.lr, step + 1)).map(([key, value]) => [key, host(Float64Array.of(value))]));
    const { norm: length } = await updateFunction.call({ flat: mean, ...scalars });
    mean[Symbol.dispose]();
    results[`step${step}/grad_norm`] = Array.from(length?.data() as Float64Array);
    length?.[Symbol.dispose]();
  }
  for (const { name: key, kind } of parameterTable(config)) {
    const end = state[key]?.read() as Float64Array;
    if (kind === 'buffer') continue;
    results[`param/${key}`] = digest(end);
    const start = tensorOf(weights, key).data;
    results[`delta/${key}`] = digest(Array.from(end, (value, i) => value - (start[i] as number)));
  }
  for (const variable of [...Object.values(state), ...Object.values(moments)]) variable[Symbol.dispose]();
  return results;
}
