import * as tf from '@tensorflow/tfjs-core';
import type { Tensor } from '@tensorflow/tfjs-core';
import * as z from 'zod';
import type { Body } from '../engine/types.ts';
import { classTokenContrastive } from '../flow/objective.ts';
import { norm, type Tolerance } from './compare.ts';
import { tensorOf, type Fixture } from './fixture.ts';
import { checkedWeights, FixtureModel, fixtureModel } from './modelConfig.ts';
import { checkOptimizer } from './optimizer.ts';
import type { Runner } from './runner.ts';
import { differentiated, float32TimeTable, lossesAndGradients, objectiveSpec, trainingArguments } from './trainingStep.ts';

const Components = z.object({ denoise: z.number(), proj: z.number(), denoise_cls: z.number(), cfm: z.number(), cfm_cls: z.number(), total: z.number() });
export const LossCase = z.object({
  path_type: z.enum(['linear', 'cosine']), weighting: z.enum(['uniform', 'lognormal']), apply_time_shift: z.boolean(),
  cfm_weighting: z.enum(['uniform', 'linear']), coef: z.object({ proj: z.number(), cls: z.number(), cfm: z.number() }), train: z.boolean(),
  float32: Components, float64: Components.optional(), grad_norm: z.number().optional(), grads: z.string().optional(),
});
export type LossCase = z.infer<typeof LossCase>;
const Manifest = z.object({
  config: FixtureModel, shift_base: z.number().default(4096), cases: z.record(z.string(), LossCase), optimizer: z.unknown().optional(),
});

/** "rel 2e-5 against float32, 1e-9 against float64". The float64 reference computes the time table by its own float32 sine
 *  and cosine; an independent one moves the result by up to 1e-7, which is what can be asked here. */
const COMPONENT: Tolerance = { kind: 'elements', abs: 1e-12, rel: 2e-5 };
export const COMPONENT64: Tolerance = { kind: 'elements', abs: 1e-8, rel: 1e-7 };
const SEEN: Tolerance = { kind: 'elements', abs: 1e-5, rel: 1e-5 };

/** Names of the loss's parts: ours and the fixture's. */
export const PARTS = { denoise: 'denoise', alignment: 'proj', classToken: 'denoise_cls', contrastive: 'cfm', total: 'total' } as const;

export const specOf = (item: Pick<LossCase, 'path_type' | 'weighting' | 'apply_time_shift' | 'cfm_weighting' | 'coef'>, shiftBase: number) => objectiveSpec({
  path: item.path_type, timeSampling: item.weighting, timeShift: item.apply_time_shift, shiftBase, contrastiveWeighting: item.cfm_weighting, coefficients: item.coef,
});

/** loss: every part of the objective, what the network was given and answered, every gradient; then the optimizer. */
export async function checkLoss(fixture: Fixture, runner: Runner): Promise<void> {
  const manifest = Manifest.parse(fixture.manifest);
  const config = fixtureModel(manifest.config);
  const io = fixture.file('cases.safetensors');
  const weights = checkedWeights(config, fixture.file('weights.safetensors'));
  const variables = runner.variables(weights);
  for (const [name, item] of Object.entries(manifest.cases)) {
    const spec = specOf(item, manifest.shift_base);
    const names = differentiated(config, item.train);
    const args = trainingArguments(io, 'in/', io, `${name}/`, { train: item.train });
    for (const precision of ['float32', 'float64'] as const) {
      const expected = item[precision];
      if (expected === undefined) continue;
      const body: Body = (given, state) => {
        const seen: Record<string, Tensor> = {};
        const wanted = new Set(['model_input', 't', 'cls_input', 'v', 'cls', ...config.featureWidths.map((_, j) => `zs${j}`)]);
        const { losses, gradients } = lossesAndGradients(given, state, config, spec, {
          train: item.train, precision, probe: (key, value) => {
            if (wanted.has(key)) seen[`seen/${key}`] = tf.keep(tf.clone(value));
          },
        });
        const contrastive = classTokenContrastive(seen['seen/cls'] as Tensor, given.cls as Tensor, given.classNoise as Tensor, spec, tf.reshape(seen['seen/t'] as Tensor, [-1]));
        return { ...seen, ...losses, classTokenContrastive: contrastive, ...Object.fromEntries(names.map((key, i) => [`grad/${key}`, gradients[i] as Tensor])) };
      };
      const table = precision === 'float64' ? { timeTable: float32TimeTable(config, spec, tensorOf(io, `${name}/time_draw`)) } : {};
      const answers = await runner.run(`loss-${name}-${precision}`, body, { ...args, ...table }, precision, variables);
      const label = (text: string): string => (precision === 'float64' ? `${text} (float64)` : text);
      for (const [ours, theirs] of Object.entries({ ...PARTS, classTokenContrastive: 'cfm_cls' } as const)) {
        runner.compare(name, label(theirs), answers, ours, [expected[theirs]], precision === 'float64' ? COMPONENT64 : COMPONENT);
      }
      if (precision === 'float64') continue;
      for (const key of Object.keys(io).filter((entry) => entry.startsWith(`${name}/seen/`))) {
        runner.compare(name, `seen: ${key.slice(name.length + 6)}`, answers, key.slice(name.length + 1), tensorOf(io, key).data, SEEN);
      }
      if (item.grads === undefined) continue;
      // "per tensor ||g - g_ref|| / ||g_ref|| < 1e-3 (ignore tensors whose norm is < 1e-6 of the total)"
      const gradients = fixture.file(item.grads);
      const total = Math.hypot(...Object.values(gradients).map(({ data }) => norm(data)));
      runner.compareHost(name, 'names of the gradients', names.map((key) => (key in gradients ? 1 : 0)), Object.keys(gradients).map(() => 1), { kind: 'elements', abs: 0, rel: 0 });
      for (const [key, gradient] of Object.entries(gradients)) {
        runner.compare(name, `grad: ${key}`, answers, `grad/${key}`, gradient.data, { kind: 'norm', rel: 1e-3, floor: 1e-6 * total });
      }
    }
  }
  for (const variable of Object.values(variables)) variable[Symbol.dispose]();
  const first = manifest.cases.default ?? Object.values(manifest.cases)[0];
  if (manifest.optimizer !== undefined && first !== undefined) await checkOptimizer(fixture, runner, config, specOf(first, manifest.shift_base), weights, manifest.optimizer);
}
