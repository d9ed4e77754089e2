import type { TrainingSpec } from '@srdit/crds';
import type { Progress } from '../cli/context.ts';
import type { Loader } from '../data/loader.ts';
import { Pace, smoothed, Window } from './meter.ts';
import type { MetricsWriter } from './metrics.ts';
import type { StepReport } from './step.ts';

export interface RecorderOptions {
  readonly spec: Pick<TrainingSpec, 'steps' | 'batchSize' | 'accumulation' | 'metrics'>;
  readonly loader: Pick<Loader, 'waitedSeconds'>;
  /** Rank 0 only. */
  readonly metrics: MetricsWriter | undefined;
  /** Smoothed loss to go on from. */
  readonly lossEma: number | undefined;
  report(progress: Progress): void;
}

/** Turns what steps say into lines of metrics and into what GET /progress answers. */
export class Recorder {
  readonly #options: RecorderOptions;
  readonly #window = new Window();
  readonly #pace = new Pace();
  #first = true;
  #waited = 0;
  #loss: number | undefined;
  #lossEma: number | undefined;

  constructor(options: RecorderOptions) {
    this.#options = options;
    this.#lossEma = options.lossEma;
  }

  /** What a checkpoint's manifest says of the loss. */
  get losses(): { readonly loss?: number; readonly lossEma?: number } {
    return { ...(this.#loss !== undefined && { loss: this.#loss }), ...(this.#lossEma !== undefined && { lossEma: this.#lossEma }) };
  }

  /** k: the step just taken. seconds: from its start to its report. */
  add(k: number, epoch: number, step: StepReport, seconds: number): void {
    const { spec, loader, metrics } = this.#options;
    this.#loss = step.loss;
    const lossEma = this.#lossEma = smoothed(this.#lossEma, step.loss, k);
    // The first step of an attempt compiles.
    if (!this.#first) this.#pace.add(seconds);
    this.#first = false;
    this.#window.add(step, seconds);
    const { stepSeconds } = this.#pace;
    const pictures = spec.batchSize * spec.accumulation;
    this.#options.report({
      phase: 'Training', step: k, loss: step.loss, lossEma, gradNorm: step.gradNorm,
      ...(stepSeconds !== undefined && { imagesPerSecond: pictures / stepSeconds, etaSeconds: Math.round((spec.steps - k) * stepSeconds) }),
    });
    if (k % spec.metrics.everySteps !== 0 && k !== spec.steps && !step.stop) return;
    const means = this.#window.take();
    if (means === undefined) return;
    const { steps, ...rest } = means;
    metrics?.add({
      step: k, epoch, time: new Date().toISOString(), ...rest, lossEma, learningRate: step.learningRate,
      imagesPerSecond: pictures / (stepSeconds ?? means.stepSeconds), waitSeconds: (loader.waitedSeconds - this.#waited) / steps,
    });
    this.#waited = loader.waitedSeconds;
  }
}
