import * as tf from '@tensorflow/tfjs-core';
import type { Tensor } from '@tensorflow/tfjs-core';
import * as z from 'zod';
import type { ObjectiveSpec } from '@srdit/crds';
import type { Body, CallArgs, TensorSpec, Variable } from '../engine/types.ts';
import { adamScalars, adamw, clipScale, emaUpdate } from '../flow/optimizer.ts';
import type { ModelConfig } from '../model/config.ts';
import { parameterTable } from '../model/parameters.ts';
import type { Numbers, Tolerance } from './compare.ts';
import { asArgument, tensorOf, type Fixture, type Tensors } from './fixture.ts';
import type { Mode, Runner } from './runner.ts';
import { differentiated, lossesAndGradients, trainingArguments } from './trainingStep.ts';

export const OptimizerSetting = z.object({
  lr: z.number(), betas: z.tuple([z.number(), z.number()]), weight_decay: z.number(), eps: z.number(), clip_grad_norm: z.number(),
});
export type OptimizerSetting = z.infer<typeof OptimizerSetting>;
const Settings = z.record(z.string(), OptimizerSetting.extend({
  ema_decay: z.number(), steps: z.array(z.object({ total: z.number(), grad_norm: z.number() })),
}));

/** "params: abs 1e-6 for at least 99.5% of the entries and 5e-6 for all"; the reference's own error is 1.5e-7 on the average
 *  and 1.1e-6 relative on the moments. */
const PARAMETER: Tolerance = { kind: 'most', abs: 1e-6, share: 0.995, worst: 5e-6 };
const AVERAGE: Tolerance = { kind: 'most', abs: 1e-6, share: 0.995, worst: 5e-6 };
/** As gradients: the first moment is made of them, the second of their squares. */
const MOMENT: Tolerance = { kind: 'norm', rel: 1e-3, floor: 1e-9 };
const SCALAR: Tolerance = { kind: 'elements', abs: 0, rel: 2e-5 };

/** The averaged weights of the fixture start at half the initial ones, so that a decay of 0.9999 shows. */
const AVERAGE_START = 0.5;

export const adamSpec = (setting: OptimizerSetting) => ({ beta1: setting.betas[0], beta2: setting.betas[1], epsilon: setting.eps, weightDecay: setting.weight_decay });

/** loss/optim: some optimizer steps in a row, state in variables: gradient, clip, AdamW, average. */
export async function checkOptimizer(fixture: Fixture, runner: Runner, config: ModelConfig, spec: ObjectiveSpec, weights: Tensors, settings: unknown): Promise<void> {
  const io = fixture.file('cases.safetensors');
  const recorded = fixture.file('optim.safetensors');
  for (const [name, setting] of Object.entries(Settings.parse(settings))) {
    const finals: Partial<Record<Mode, Record<string, Numbers>>> = {};
    for (const mode of runner.modes('float32')) finals[mode] = await train(mode, name, setting);
    const steps = setting.steps.length;
    setting.steps.forEach((step, i) => {
      runner.compare(`optimizer ${name}`, `step ${i} total`, finals, `step${i}/total`, [step.total], SCALAR);
      runner.compare(`optimizer ${name}`, `step ${i} grad_norm`, finals, `step${i}/norm`, [step.grad_norm], SCALAR);
    });
    for (const [key, tensor] of Object.entries(recorded)) {
      const [owner, ...rest] = key.split('/');
      const path = rest.join('/');
      if (owner !== name) continue;
      const kind = path.startsWith('adam_') ? 'moment' : path.includes('/ema/') ? 'average' : 'param';
      // Moments are those after the last step.
      const ours = kind === 'moment' ? `step${steps - 1}/${path.replace(/^adam_([mv])\//, '$1.')}` : path.replace(/\/param\//, '/').replace(/\/ema\//, '/ema.');
      runner.compare(`optimizer ${name}`, `${path.split('/').slice(0, kind === 'moment' ? 1 : 2).join(' ')}: ${ours.split('/')[1] as string}`, finals, ours, tensor.data, { moment: MOMENT, average: AVERAGE, param: PARAMETER }[kind]);
    }
  }

  async function train(mode: Mode, name: string, setting: z.infer<typeof Settings>[string]): Promise<Record<string, Numbers>> {
    const names = differentiated(config, true);
    const state: Record<string, Variable> = { ...runner.variables(weights) };
    const averaged = parameterTable(config).filter(({ kind }) => kind !== 'buffer').map((info) => info.name);
    for (const key of averaged) {
      const { data, shape } = tensorOf(weights, key);
      state[`ema.${key}`] = runner.engine.variable(`ema.${key}`, Float32Array.from(data, (value) => value * AVERAGE_START), shape);
    }
    for (const key of names) {
      const { data, shape } = tensorOf(weights, key);
      for (const moment of ['m', 'v']) state[`${moment}.${key}`] = runner.engine.variable(`${moment}.${key}`, new Float32Array(data.length), shape);
    }
    const adam = adamSpec(setting);
    const body: Body = (args, held) => {
      const { losses, gradients } = lossesAndGradients(args, held, config, spec, { train: true, precision: 'float32' });
      const { norm, scale } = clipScale(gradients, setting.clip_grad_norm);
      const scalars = { keep: args.keep as Tensor, stepSize: args.stepSize as Tensor, rootScale: args.rootScale as Tensor };
      const updated = new Map<string, Tensor>();
      names.forEach((key, i) => {
        const next = adamw({ param: held.read(key), m: held.read(`m.${key}`), v: held.read(`v.${key}`) }, tf.mul(gradients[i] as Tensor, scale), scalars, adam);
        held.assign(key, next.param);
        held.assign(`m.${key}`, next.m);
        held.assign(`v.${key}`, next.v);
        updated.set(key, next.param);
      });
      for (const key of averaged) held.assign(`ema.${key}`, emaUpdate(held.read(`ema.${key}`), updated.get(key) ?? held.read(key), setting.ema_decay));
      return { total: losses.total, norm };
    };
    const stepArguments = (i: number): Record<string, ReturnType<typeof asArgument>> => {
      const scalars = adamScalars(adam, setting.lr, i + 1);
      return Object.fromEntries(Object.entries({
        ...trainingArguments(io, 'in/', recorded, `step${i}/`, { train: true }),
        ...Object.fromEntries(Object.entries(scalars).map(([key, value]) => [key, { shape: [], data: Float32Array.of(value) }])),
      }).map(([key, tensor]) => [key, asArgument(tensor, 'float32')]));
    };
    const specs: Record<string, TensorSpec> = Object.fromEntries(Object.entries(stepArguments(0)).map(([key, value]) => [key, value.spec]));
    using step = runner.engine[mode === 'eager' ? 'eager' : 'compile'](`optimizer-${name}`, body, { args: specs, state, xla: runner.xla });
    const results: Record<string, Numbers> = {};
    for (let i = 0; i < setting.steps.length; i++) {
      const args: CallArgs = Object.fromEntries(Object.entries(stepArguments(i)).map(([key, value]) => [key, value.data]));
      for (const [key, tensor] of Object.entries(await step.call(args))) {
        results[`step${i}/${key}`] = tensor.data() as unknown as Numbers;
        tensor[Symbol.dispose]();
      }
      for (const [key, variable] of Object.entries(state)) results[`step${i}/${key}`] = variable.read() as unknown as Numbers;
    }
    for (const variable of Object.values(state)) variable[Symbol.dispose]();
    return results;
  }
}
