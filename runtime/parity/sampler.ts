import * as z from 'zod';
import { SamplerSpec } from '@srdit/crds';
import type { Variable } from '../engine/types.ts';
import { compileNetwork, type Network, type NetworkInput, type Velocity } from '../flow/network.ts';
import type { NoiseSource } from '../flow/noise.ts';
import { sample } from '../flow/sampler.ts';
import { odeTimes, sdeTimes } from '../flow/schedule.ts';
import { scoreFactors } from '../flow/sde.ts';
import { shiftFactor } from '../flow/timeShift.ts';
import type { ModelConfig } from '../model/config.ts';
import type { Numbers, Tolerance } from './compare.ts';
import { tensorOf, type Fixture, type HostTensor, type Tensors } from './fixture.ts';
import { checkedWeights, FixtureModel, fixtureModel } from './modelConfig.ts';
import type { Answers, Mode, Precision, Runner } from './runner.ts';

const SamplerCase = z.object({
  cfg_scale: z.number(), cls_cfg_scale: z.number(), guidance_low: z.number(), guidance_high: z.number(), time_shifting: z.boolean(), path_drop: z.boolean(),
  path_type: z.enum(['linear', 'cosine']).default('linear'), method: z.enum(['euler', 'heun']).optional(), num_steps: z.int().optional(), network_calls: z.int(),
});
type SamplerCase = z.infer<typeof SamplerCase>;
const Manifest = z.object({
  config: FixtureModel, weights: z.string(), batch: z.int(), num_steps: z.int().optional(), shift_base: z.number().default(4096), cases: z.record(z.string(), SamplerCase),
});

/** "rel 1e-4 per tensor with a float32 network, 1e-8 against out64 with a float64 network"; "schedule abs 1e-14". */
const STATE: Readonly<Record<Precision, Tolerance>> = { float32: { kind: 'norm', rel: 1e-4 }, float64: { kind: 'norm', rel: 1e-8 } };
const TIMES: Tolerance = { kind: 'elements', abs: 1e-14, rel: 0 };
const EXACT: Tolerance = { kind: 'elements', abs: 0, rel: 0 };

/** sampler and ode: every state and velocity of short runs with recorded noise, results, schedules, network calls. */
export async function checkSampler(fixture: Fixture, runner: Runner): Promise<void> {
  const manifest = Manifest.parse(fixture.manifest);
  const config = fixtureModel(manifest.config);
  const io = fixture.file('states.safetensors');
  checkSchedules(io, runner);
  const variables = runner.variables(checkedWeights(config, fixture.file(manifest.weights)));
  using networks = new Networks(runner, variables, config, manifest.batch);
  for (const [name, item] of Object.entries(manifest.cases)) {
    const steps = item.num_steps ?? manifest.num_steps ?? 8;
    const times = (item.method === undefined ? sdeTimes : odeTimes)(steps, shiftFactor(config, { enabled: item.time_shifting, base: manifest.shift_base }));
    const recordedTimes = tensorOf(io, `${name}/t`).data;
    runner.compareHost(name, 't', times.slice(0, recordedTimes.length), recordedTimes, TIMES);
    for (const precision of ['float32', 'float64'] as const) {
      if (precision === 'float64' && io[`${name}/out64`] === undefined) continue;
      const answers: Partial<Record<Mode, Record<string, Numbers>>> = {};
      for (const mode of runner.modes(precision)) {
        answers[mode] = await trajectory(networks.get(mode, precision, item.path_drop), config, item, steps, manifest.shift_base, io);
      }
      if (precision === 'float64') {
        runner.compare(name, 'out (float64)', answers, 'out', tensorOf(io, `${name}/out64`).data, STATE.float64);
        if (io[`${name}/cls_out64`] !== undefined) runner.compare(name, 'cls_out (float64)', answers, 'cls_out', tensorOf(io, `${name}/cls_out64`).data, STATE.float64);
        continue;
      }
      runner.compare(name, 'network calls', answers, 'calls', [item.network_calls], EXACT);
      compareRecorded(runner, name, answers, io);
    }
  }
  for (const variable of Object.values(variables)) variable[Symbol.dispose]();
}

/** Every recorded tensor of the case: states, velocities, score, result. */
function compareRecorded(runner: Runner, name: string, answers: Answers, io: Tensors): void {
  for (const [key, tensor] of Object.entries(io)) {
    if (!key.startsWith(`${name}/`)) continue;
    const path = key.slice(name.length + 1);
    const step = /^step\d+\/(.*)$/.exec(path)?.[1];
    if (step !== undefined) runner.compare(name, `${step}: ${path}`, answers, path, tensor.data, STATE.float32);
    else if (path === 'out' || path === 'cls_out') runner.compare(name, path, answers, path, tensor.data, STATE.float32);
  }
}

/** schedule/nN/noshift and schedule/nN/shiftdimD, D = C S S of the latent. */
function checkSchedules(io: Tensors, runner: Runner): void {
  for (const [key, tensor] of Object.entries(io)) {
    const [, steps, dims] = /^schedule\/n(\d+)\/(?:noshift|shiftdim(\d+))$/.exec(key) ?? [];
    if (steps === undefined) continue;
    runner.compareHost('schedule', key.slice('schedule/'.length), sdeTimes(Number(steps), dims === undefined ? 1 : Math.sqrt(Number(dims) / 4096)), tensor.data, TIMES);
  }
}

/** Networks by what they are compiled for; cases share them. */
class Networks implements Disposable {
  readonly #networks = new Map<string, Network>();
  readonly #build: (mode: Mode, precision: Precision, pathDrop: boolean) => Network;

  constructor(runner: Runner, variables: Readonly<Record<string, Variable>>, config: ModelConfig, batch: number) {
    this.#build = (mode, precision, pathDrop) => compileNetwork(runner.engine, variables, config, batch, { pathDrop, guided: true, precision, eager: mode === 'eager', xla: runner.xlaFor(precision) });
  }

  get(mode: Mode, precision: Precision, pathDrop: boolean): Network {
    const key = `${mode} ${precision} ${pathDrop}`;
    const network = this.#networks.get(key) ?? this.#build(mode, precision, pathDrop);
    this.#networks.set(key, network);
    return network;
  }

  [Symbol.dispose](): void {
    for (const network of this.#networks.values()) network[Symbol.dispose]();
  }
}

/** One run with the recorded initial state and noises: everything that the fixture names, by its path below the case. */
async function trajectory(network: Network, config: ModelConfig, item: SamplerCase, steps: number, shiftBase: number, io: Tensors): Promise<Record<string, Numbers>> {
  const labels = Array.from(tensorOf(io, 'in/y').data);
  const results: Record<string, Numbers> = {};
  let step = 0;
  let evaluations = 0;
  let calls = 0;
  const noise: NoiseSource = (picture, at, kind, out) => {
    const cls = kind === 'classToken';
    const recorded: HostTensor = at === 0 ? tensorOf(io, cls ? 'in/cls' : 'in/x') : tensorOf(io, cls ? 'in/cls_eps' : 'in/eps');
    const offset = ((at === 0 ? 0 : at - 1) * labels.length + picture) * out.length;
    out.set(recorded.data.subarray(offset, offset + out.length));
  };
  const guidance = { scale: item.cfg_scale, classTokenScale: item.cls_cfg_scale, low: item.guidance_low, high: item.guidance_high, pathDrop: item.path_drop };
  const note = (name: string, velocity: Velocity): void => {
    results[`${prefix()}/v${name}`] = velocity.v;
    results[`${prefix()}/cls_v${name}`] = velocity.cls;
  };
  const prefix = (): string => `step${String(step).padStart(2, '0')}`;
  /** The field as an ODE step follows it, in the fixture's words. */
  const noteField = (input: NetworkInput, conditional: Velocity, unconditional?: Velocity): void => {
    const mixed = (to: Float64Array, from: Float64Array | undefined, scale: number) => (from === undefined || scale === 0 ? to : from.map((value, i) => value + scale * ((to[i] as number) - value)));
    const field = { v: mixed(conditional.v, unconditional?.v, guidance.scale), cls: mixed(conditional.cls, unconditional?.cls, guidance.classTokenScale) };
    if (evaluations === 2) {
      results[`${prefix()}/x_pred`] = input.x.slice();
      results[`${prefix()}/cls_pred`] = input.cls.slice();
    }
    note(evaluations === 2 ? '_corr' : '', field);
  };
  const watched: Network = {
    batch: network.batch,
    async conditional(input) {
      const velocity = await network.conditional(input);
      calls++;
      evaluations++;
      if (item.method === undefined) {
        note('', velocity);
        const score = scoreFactors(item.path_type, input.t);
        results[`${prefix()}/score`] = velocity.v.map((value, i) => score.velocity * value + score.state * (input.x[i] as number));
      } else noteField(input, velocity);
      return velocity;
    },
    async guided(input) {
      const both = await network.guided(input);
      // A plain guided evaluation is one call of twice the batch, a path-drop one is two.
      calls += item.path_drop ? 2 : 1;
      evaluations++;
      if (item.method === undefined) {
        note('_cond', both.conditional);
        note('_uncond', both.unconditional);
        const score = scoreFactors(item.path_type, input.t);
        results[`${prefix()}/score`] = both.conditional.v.map((value, i) => score.velocity * value + score.state * (input.x[i] as number));
      } else noteField(input, both.conditional, both.unconditional);
      return both;
    },
    [Symbol.dispose]: () => undefined,
  };
  const kind = item.method === undefined ? 'SDE' : item.method === 'heun' ? 'Heun' : 'Euler';
  results.out = await sample(watched, config, {
    sampler: SamplerSpec.parse({ kind, steps, guidance }), timeShift: { enabled: item.time_shifting, base: shiftBase }, path: item.path_type,
  }, { pictures: labels.map((_, i) => i), labels, seed: 0, noise }, (state) => {
    step = state.step;
    evaluations = 0;
    if (state.step === steps) results.cls_out = state.cls.slice();
    else {
      results[`${prefix()}/x`] = state.x.slice();
      results[`${prefix()}/cls_x`] = state.cls.slice();
    }
  });
  results.calls = [calls];
  return results;
}
