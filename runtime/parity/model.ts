import * as tf from '@tensorflow/tfjs-core';
import * as z from 'zod';
import type { Body } from '../engine/types.ts';
import type { ModelConfig } from '../model/config.ts';
import { keptTokens, tokenCount } from '../model/config.ts';
import { sit, type Probe, type SitMode } from '../model/sit.ts';
import type { Tensor } from '@tensorflow/tfjs-core';
import type { Tolerance } from './compare.ts';
import { tensorOf, type Fixture, type HostTensor } from './fixture.ts';
import { checkedWeights, FixtureModel, fixtureModel, parametersOf } from './modelConfig.ts';
import type { Precision, Runner } from './runner.ts';

const Manifest = z.object({
  config: FixtureModel, tokens: z.int(), kept_tokens: z.int(), cases: z.record(z.string(), z.unknown()),
});

/** "abs 1e-5 + rel 1e-5 against out/"; "1e-9 rel against out64". */
const FLOAT32: Tolerance = { kind: 'elements', abs: 1e-5, rel: 1e-5 };
const FLOAT64: Tolerance = { kind: 'norm', rel: 1e-9 };

/** Draws below this take the branch: 0.5 keeps the path, 0.01 drops it. */
const PATH_KEPT = 0.5;
const PATH_DROPPED = 0.01;

/** model*: outputs and intermediate values of one forward pass, in eval and in train mode. */
export async function checkModel(fixture: Fixture, runner: Runner): Promise<void> {
  const manifest = Manifest.parse(fixture.manifest);
  const config = fixtureModel(manifest.config);
  const io = fixture.file('io.safetensors');
  runner.compareHost('sizes', 'tokens, kept tokens', [tokenCount(config), keptTokens(config)], [manifest.tokens, manifest.kept_tokens], { kind: 'elements', abs: 0, rel: 0 });
  const variables = runner.variables(checkedWeights(config, fixture.file('weights.safetensors')));
  for (const name of Object.keys(manifest.cases)) {
    const input = (key: string): HostTensor => io[`${name}/in/${key}`] ?? tensorOf(io, `in/${key}`);
    const train = name.startsWith('train');
    const dropped = name.includes('pathdrop');
    const args: Record<string, HostTensor> = {
      x: input('x'), t: input('t'), y: input('y'), cls: input('cls_token'),
      ...(train && {
        labelDrop: input('label_drop_noise'), tokens: input('token_noise'),
        pathDrop: { shape: [1], data: Float32Array.of(dropped ? PATH_DROPPED : PATH_KEPT) },
      }),
    };
    for (const precision of ['float32', 'float64'] as const) {
      if (precision === 'float64' && io[`${name}/out64/v`] === undefined) continue;
      // In float64 the reference's float32 time table stays float32; its own roundings are recorded.
      const table = io[`${name}/mid/t_freq`] ?? Object.entries(io).find(([key]) => key.endsWith('/mid/t_freq'))?.[1];
      const given = precision === 'float64' && table !== undefined ? { ...args, timeTable: table } : args;
      const answers = await runner.run(`${fixture.name}-${name}-${precision}`, body(config, train, name === 'uncond', precision), given, precision, variables);
      const folder = precision === 'float32' ? 'out' : 'out64';
      for (const [key, expected] of Object.entries(io)) {
        const [owner, kind, ...rest] = key.split('/');
        if (owner !== name) continue;
        if (kind === folder) {
          runner.compare(name, precision === 'float32' ? rest.join('/') : `${rest.join('/')} (float64)`, answers, `out/${rest.join('/')}`, expected.data, precision === 'float32' ? FLOAT32 : FLOAT64);
        } else if (kind === 'mid' && precision === 'float32') {
          runner.compare(name, `mid: ${rest.join('/')}`, answers, `mid/${rest.join('/')}`, expected.data, rest[0] === 'ids_keep' ? { kind: 'elements', abs: 0, rel: 0 } : FLOAT32);
        }
      }
    }
  }
  for (const variable of Object.values(variables)) variable[Symbol.dispose]();
}

/** The forward pass with everything that the probe sees as a result. */
function body(config: ModelConfig, train: boolean, uncond: boolean, precision: Precision): Body {
  return ({ x, t, y, cls, labelDrop, tokens, pathDrop, timeTable }, state) => {
    const results: Record<string, Tensor> = {};
    const probe: Probe = (name, value) => {
      results[`mid/${name}`] = name === 'v_first' ? byHead(value, config.heads) : value;
    };
    const mode: SitMode = train
      ? { kind: 'train', draws: { labelDrop: labelDrop as Tensor, tokens: tokens as Tensor, pathDrop: pathDrop as Tensor } }
      : { kind: 'eval', uncond };
    const p = parametersOf(config, state);
    const out = sit(p, config, { x: x as Tensor, t, y: y as Tensor, cls, timeTable }, mode, { probe, ...(precision === 'float64' && { qkEpsilon: Number.EPSILON }) });
    results['out/v'] = out.v;
    if (out.cls !== undefined) results['out/cls'] = out.cls;
    out.zs.forEach((value, j) => {
      results[`out/zs${j}`] = value;
    });
    // A tensor may be a result once only.
    return Object.fromEntries(Object.entries(results).map(([name, value]) => [name, tf.clone(value)]));
  };
}

/** [B, T, h] -> [B, H, T, e]. */
function byHead(value: Tensor, heads: number): Tensor {
  const [batch = 0, tokens = 0, width = 0] = value.shape;
  return tf.transpose(tf.reshape(value, [batch, tokens, heads, width / heads]), [0, 2, 1, 3]);
}
