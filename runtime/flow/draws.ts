import type { Tensor } from '@tensorflow/tfjs-core';
import type { ObjectiveSpec } from '@srdit/crds';
import { tokenCount, type ModelConfig } from '../model/config.ts';
import type { NetworkDraws } from '../model/sit.ts';
import { randomNormal, randomUniform } from '../engine/index.ts';

/** Random numbers of one micro-batch, in the order of the paper's code. Arguments everywhere, so that a test can pin them. */
export interface TrainingDraws {
  /** [B, 1, 1, 1]: uniform of [0, 1), or normal when times are lognormal. */
  readonly time: Tensor;
  /** [B, C, S, S], normal. */
  readonly noise: Tensor;
  /** [B, Z], normal; with a class token only. */
  readonly classNoise?: Tensor;
  /** What the network drops; absent: the network runs in eval mode. */
  readonly network?: NetworkDraws;
}

/** Where in the random stream a micro-batch stands. step counts micro-batches (optimizer step x accumulation + micro-step)
 *  and may be a scalar int32 tensor, so that one traced function serves all steps. */
export interface DrawKey { readonly seed: number | Tensor; readonly step: number | Tensor; readonly rank: number }

export interface DrawShapes {
  readonly batch: number;
  /** [C, S, S] */
  readonly latent: readonly [number, number, number];
  readonly tokens: number;
  readonly classTokenWidth: number;
  readonly timeSampling: ObjectiveSpec['timeSampling'];
}

export function drawShapes(config: ModelConfig, spec: Pick<ObjectiveSpec, 'timeSampling'>, batch: number): DrawShapes {
  return {
    batch, latent: [config.channels, config.latentSize, config.latentSize], tokens: tokenCount(config),
    classTokenWidth: config.classTokenWidth, timeSampling: spec.timeSampling,
  };
}

/** The random numbers of one micro-batch of one rank. Path drop is one decision for the whole global batch, so its
 *  purpose leaves the rank out: every rank draws the same number. */
export function drawTraining(key: DrawKey, shapes: DrawShapes): Required<Omit<TrainingDraws, 'classNoise'>> & TrainingDraws {
  const { batch, latent, tokens, classTokenWidth } = shapes;
  const own = (name: string) => ({ seed: key.seed, step: key.step, purpose: `rank${key.rank}/${name}` });
  return {
    time: (shapes.timeSampling === 'lognormal' ? randomNormal : randomUniform)(own('time'), [batch, 1, 1, 1]),
    noise: randomNormal(own('noise'), [batch, ...latent]),
    ...(classTokenWidth > 0 && { classNoise: randomNormal(own('class-noise'), [batch, classTokenWidth]) }),
    network: {
      labelDrop: randomUniform(own('label-drop'), [batch]),
      tokens: randomUniform(own('tokens'), [batch, tokens]),
      pathDrop: randomUniform({ seed: key.seed, step: key.step, purpose: 'path-drop' }, [1]),
    },
  };
}
