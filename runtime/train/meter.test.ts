import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Pace, smoothed, Window } from './meter.ts';
import type { StepReport } from './step.ts';

const report = (loss: number): StepReport => ({ loss, denoise: loss / 2, alignment: 0, classToken: 0, contrastive: 0, gradNorm: 1, learningRate: 1, stop: false });

test('the smoothed loss is the mean at first, then follows slowly', () => {
  let ema: number | undefined;
  [3, 1, 2].forEach((loss, i) => { ema = smoothed(ema, loss, i + 1); });
  assert.ok(Math.abs((ema ?? 0) - 2) < 1e-12);
  assert.equal(smoothed(1, 2, 1000), 1.02);
});

test('a resumed run goes on with the same smoothed loss', () => {
  const losses = Array.from({ length: 200 }, (_, i) => Math.sin(i) + 2);
  const run = (from: number, to: number, ema: number | undefined): number | undefined => {
    for (let k = from; k <= to; k++) ema = smoothed(ema, losses[k - 1] as number, k);
    return ema;
  };
  assert.equal(run(78, 200, run(1, 77, undefined)), run(1, 200, undefined));
});

test('a window gives means and begins anew', () => {
  const window = new Window();
  assert.equal(window.take(), undefined);
  window.add(report(1), 0.5);
  window.add(report(3), 1.5);
  const { loss, denoise, stepSeconds, steps } = window.take() ?? {};
  assert.deepEqual([loss, denoise, stepSeconds, steps], [2, 1, 1, 2]);
  assert.equal(window.take(), undefined);
});

test('a slow step in between does not move the pace', () => {
  const pace = new Pace();
  assert.equal(pace.stepSeconds, undefined);
  for (const seconds of [1, 1, 60, 1, 1]) pace.add(seconds);
  assert.equal(pace.stepSeconds, 1);
});
