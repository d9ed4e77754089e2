import * as tf from '@tensorflow/tfjs-core';
import type { Tensor } from '@tensorflow/tfjs-core';
import { block, modulation, QK_EPSILON, type BlockContext } from './block.ts';
import { keptTokens, patchCount, type ModelConfig } from './config.ts';
import { embedCondition, embedTokens, unpatchify } from './embed.ts';
import { linear, modulatedNorm, silu } from './layers.ts';
import { parameter } from './parameters.ts';
import { rotationOf, rotationOfAll, rotationRows } from './rotary.ts';
import { dropPath, keepTokens, restoreTokens, routeTokens } from './routing.ts';

/** Tensors by state-dict name, in the reference's layouts. pos_embed and the rotary tables are constants of the model:
 *  where they are missing they are computed. */
export type Parameters = Readonly<Record<string, Tensor>>;

export interface SitInput {
  /** Noised latent [B, C, S, S]. */
  readonly x: Tensor;
  /** Times [B], 0 = data, 1 = noise. This or timeTable. */
  readonly t?: Tensor | undefined;
  /** Labels [B] int32; numClasses is the null label. */
  readonly y: Tensor;
  /** Noised class feature [B, Z]; with a class token only. */
  readonly cls?: Tensor | undefined;
  /** tables.ts' timeTable of the times, [B, 256], or [1, 256] where all are the same, instead of t: saves a sampler the
   *  arithmetic, and float64 parity needs it (the reference's table stays float32). */
  readonly timeTable?: Tensor | undefined;
}

/** Uniforms of [0, 1) that decide what a training pass drops. */
export interface NetworkDraws {
  /** [B] */
  readonly labelDrop: Tensor;
  /** [B, T] */
  readonly tokens: Tensor;
  /** [1], the same on every rank */
  readonly pathDrop: Tensor;
}

export type SitMode =
  | { readonly kind: 'train'; readonly draws: NetworkDraws }
  /** uncond: the routed path is dropped (path-drop guidance), for the whole batch or for its second half. Without routing
   *  there is no path to drop. */
  | { readonly kind: 'eval'; readonly uncond?: boolean | 'secondHalf' };

export interface SitOutput {
  /** Velocity [B, C, S, S]. */
  readonly v: Tensor;
  /** Projected features [B, T, Z_j], one per teacher; [] without alignment. */
  readonly zs: readonly Tensor[];
  /** Velocity of the class feature [B, Z]; with a class token only. */
  readonly cls?: Tensor;
}
/** Called with intermediate values, to look inside. Names as in the parity fixtures. */
export type Probe = (name: string, value: Tensor) => void;

export interface SitOptions {
  readonly probe?: Probe;
  /** Epsilon of query and key norm; default the machine epsilon of float32. */
  readonly qkEpsilon?: number;
}

/** Dense blocks at either end of the routed ones. */
const ENDS = 2;

/** SiT with every technique of SR-DiT (arXiv 2512.12386): velocity of the latent and of the class feature at time t.
 *  Neither tidies nor disposes: the caller does, once, around the whole. */
export function sit(p: Parameters, config: ModelConfig, input: SitInput, mode: SitMode, options: SitOptions = {}): SitOutput {
  const probe: Probe = options.probe ?? (() => undefined);
  const tokens = embedTokens(p, config, input, probe);
  probe('tokens_with_pos', tokens);
  const condition = silu(embedCondition(p, config, input, mode, probe));
  const rows = config.rope ? rotationRows(p, config) : undefined;
  const rotation = rows && rotationOfAll(rows);
  const qkEpsilon = options.qkEpsilon ?? QK_EPSILON;

  let firstValue: Tensor | undefined;
  const run = (first: number, last: number, x: Tensor, context: Pick<BlockContext, 'rotation' | 'firstValue'> & { readonly condition?: Tensor }): Tensor => {
    for (let i = first; i < last; i++) {
      const done = block(p, config, i, x, { condition, qkEpsilon, ...context, firstValue: context.firstValue ?? (config.valueResidual ? firstValue : undefined) }, probe);
      if (i === 0) {
        firstValue = done.value;
        probe('v_first', done.value);
      }
      x = done.x;
    }
    return x;
  };

  const dense = run(0, Math.min(ENDS, config.depth), tokens, { rotation });
  const zs = config.featureWidths.map((_, j) => projector(p, j, dense));
  const x = config.routing.enabled ? routed() : run(ENDS, config.depth, dense, { rotation });
  return { ...finalLayer(p, config, x, condition), zs };

  /** The routed middle (SPRINT): sparse deep path beside the dense shallow one, fused before the last blocks. */
  function routed(): Tensor {
    const middleEnd = config.depth - ENDS;
    const maskToken = parameter(p, 'mask_token');
    let sparse: Tensor;
    const kept = keptTokens(config);
    if (mode.kind === 'eval') {
      sparse = evaluated(mode.uncond ?? false, middleEnd, maskToken);
    } else {
      if (kept < (dense.shape[1] as number)) {
        const route = routeTokens(mode.draws.tokens, kept);
        probe('ids_keep', route.positions);
        const seen = run(ENDS, middleEnd, keepTokens(dense, route), {
          rotation: rows && rotationOf(rows, route.positions),
          firstValue: config.valueResidual && firstValue !== undefined ? keepTokens(firstValue, route) : undefined,
        });
        sparse = restoreTokens(seen, maskToken, route);
      } else {
        sparse = run(ENDS, middleEnd, dense, { rotation });
      }
      sparse = dropPath(sparse, maskToken, mode.draws.pathDrop, config.routing.pathDropProb);
    }
    const both = tf.concat([dense, sparse], 2);
    probe('fusion_input', both);
    const fused = linear(both, parameter(p, 'fusion_proj.weight'), parameter(p, 'fusion_proj.bias'));
    probe('fused', fused);
    return run(middleEnd, config.depth, fused, { rotation });
  }

  /** The middle path in eval mode. Where it is dropped nothing depends on the routed blocks, so they are not run. */
  function evaluated(uncond: boolean | 'secondHalf', middleEnd: number, maskToken: Tensor): Tensor {
    if (uncond === true) return tf.broadcastTo(maskToken, dense.shape);
    if (uncond === false) return run(ENDS, middleEnd, dense, { rotation });
    const firstHalf = (value: Tensor): Tensor => (tf.split(value, 2, 0) as [Tensor, Tensor])[0];
    const seen = run(ENDS, middleEnd, firstHalf(dense), {
      rotation, condition: firstHalf(condition), firstValue: config.valueResidual && firstValue !== undefined ? firstHalf(firstValue) : undefined,
    });
    return tf.concat([seen, tf.broadcastTo(maskToken, seen.shape)], 0);
  }
}

/** Projector of teacher j (REPA, arXiv 2410.06940): [B, T, h] -> [B, T, Z_j]. */
function projector(p: Parameters, j: number, x: Tensor): Tensor {
  const layer = (at: number, value: Tensor) => linear(value, parameter(p, `projectors.${j}.${at}.weight`), parameter(p, `projectors.${j}.${at}.bias`));
  return layer(4, silu(layer(2, silu(layer(0, x)))));
}

/** adaLN on all tokens, then one linear layer for the patches and one for the class token (spec 2.9). */
function finalLayer(p: Parameters, config: ModelConfig, x: Tensor, condition: Tensor): { v: Tensor; cls?: Tensor } {
  const [shift, scale] = modulation(p, 'final_layer.adaLN_modulation.1', condition, 2) as [Tensor, Tensor];
  const normed = modulatedNorm(x, shift, scale);
  const velocity = (patches: Tensor) => unpatchify(
    linear(patches, parameter(p, 'final_layer.linear.weight'), parameter(p, 'final_layer.linear.bias')), config.patchSize, config.channels);
  if (config.classTokenWidth === 0) return { v: velocity(normed) };
  const [classToken, patches] = tf.split(normed, [1, patchCount(config)], 1) as [Tensor, Tensor];
  const flat = tf.reshape(classToken, [-1, config.hiddenSize]);
  return { v: velocity(patches), cls: linear(flat, parameter(p, 'final_layer.linear_cls.weight'), parameter(p, 'final_layer.linear_cls.bias')) };
}
