import type { TrainingSpec } from '@srdit/crds';
import type { Engine, Gang } from '../engine/types.ts';
import { compileNetwork, type Network } from '../flow/network.ts';
import { sample } from '../flow/sampler.ts';
import type { Decoder } from '../generate/decode.ts';
import { labelOf } from '../generate/generate.ts';
import { pictureGrid } from '../generate/grid.ts';
import { previewPictures } from '../generate/pictures.ts';
import { encodePng } from '../generate/png.ts';
import type { ModelConfig } from '../model/config.ts';
import type { TrainingState } from './state.ts';

/** Pictures drawn at a time on a rank. */
const BATCH = 64;

export interface Grid { readonly png: Uint8Array; readonly width: number; readonly height: number }

/** Sample grids while training: the averaged weights draw the same pictures (same noise, picture g of class g mod classes)
 *  each time, so that one sees them become sharp. All ranks draw a share. */
export class Preview implements Disposable {
  readonly #engine: Engine;
  readonly #gang: Gang;
  readonly #config: ModelConfig;
  readonly #spec: TrainingSpec;
  readonly #decoder: Decoder;
  readonly #network: Network;
  readonly #mine: readonly number[];

  constructor(engine: Engine, gang: Gang, config: ModelConfig, spec: TrainingSpec, decoder: Decoder, state: TrainingState) {
    this.#engine = engine;
    this.#gang = gang;
    this.#config = config;
    this.#spec = spec;
    this.#decoder = decoder;
    this.#mine = Array.from({ length: spec.samples.count }, (_, index) => index).filter((index) => index % gang.world === gang.rank);
    const { guidance } = spec.samples.sampler;
    // Every rank compiles the batch of the largest share.
    const batch = Math.min(BATCH, Math.ceil(spec.samples.count / gang.world));
    this.#network = compileNetwork(engine, state.averages(), config, batch, { guided: guidance.scale > 1, pathDrop: guidance.pathDrop, precision: spec.precision });
  }

  /** Draws the grid; every rank must call this. Rank 0 gets it, the others undefined. Throws PictureError NotFinite. */
  async draw(): Promise<Grid | undefined> {
    const { seed, samples, objective } = this.#spec;
    const { side } = this.#decoder;
    const size = 3 * side * side;
    const all = new Float32Array(samples.count * size);
    for (let first = 0; first < this.#mine.length; first += this.#network.batch) {
      const indices = this.#mine.slice(first, first + this.#network.batch);
      const labels = indices.map((index) => labelOf({ seed, balancedLabels: true }, index, this.#config.numClasses));
      const latents = await sample(this.#network, this.#config, { sampler: samples.sampler, timeShift: objective.timeShift, path: objective.path }, { pictures: indices, labels, seed });
      const decoded = await this.#decoder.decode(latents, indices.length);
      indices.forEach((index, i) => { all.set(decoded.subarray(i * size, (i + 1) * size), index * size); });
    }
    const gathered = await this.#gather(all);
    if (this.#gang.rank !== 0) return undefined;
    const grid = pictureGrid(previewPictures(gathered.map((value) => (value + 1) / 2), samples.count, side));
    return { png: await encodePng(grid.rgb, grid.width, grid.height), width: grid.width, height: grid.height };
  }

  /** Each rank has filled its pictures and left the others 0. */
  async #gather(values: Float32Array): Promise<Float32Array> {
    if (this.#gang.world === 1) return values;
    using own = this.#engine.tensor(values, [values.length], 'float32');
    const [sum] = await this.#gang.allReduce([own], 'sum');
    if (sum === undefined) throw new TypeError('An all-reduce of one tensor gave none');
    using held = sum;
    return held.data() as Float32Array;
  }

  [Symbol.dispose](): void {
    this.#network[Symbol.dispose]();
  }
}
