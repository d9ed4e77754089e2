import * as z from 'zod';
import { startEngine } from '../engine/index.ts';
import type { Row } from './compare.ts';
import { FixtureError, readFixture, type Fixture } from './fixture.ts';
import { checkLoss } from './loss.ts';
import { checkMetrics } from './metrics.ts';
import { checkModel } from './model.ts';
import { checkPreprocess } from './preprocess.ts';
import { failed, tableLines } from './report.ts';
import { checkRing } from './ring.ts';
import { Runner } from './runner.ts';
import { checkSampler } from './sampler.ts';

export interface ParityOptions {
  /** Where lines of the table go. */
  readonly out: (line: string) => void;
  /** A line for each tensor instead of each group. */
  readonly all?: boolean;
  /** Compiled functions as XLA programs (default), or by TensorFlow's own executor, which compiles faster. */
  readonly xla?: boolean;
  readonly threads?: number;
}

const CHECKS: Readonly<Record<string, (fixture: Fixture, runner: Runner) => Promise<void>>> = {
  model: checkModel, loss: checkLoss, sampler: checkSampler, ode: checkSampler, ring: checkRing, metrics: checkMetrics, preprocess: checkPreprocess,
};

/** What a folder holds, by what its manifest says; the folder's name does not matter. */
export function kindOf({ manifest }: Fixture): string | undefined {
  const has = (key: string): boolean => key in manifest;
  const cases = Object.values((manifest.cases ?? {}) as Record<string, unknown>);
  const everyCase = (key: string): boolean => cases.length > 0 && cases.every((item) => typeof item === 'object' && item !== null && key in item);
  if (has('world')) return 'ring';
  if (everyCase('cfg_scale')) return everyCase('method') ? 'ode' : 'sampler';
  if (everyCase('coef')) return 'loss';
  if (has('kept_tokens')) return 'model';
  if (has('results') && has('nhood')) return 'metrics';
  if (has('expected') && !has('cases')) return 'preprocess';
  return undefined;
}

/** `srdit parity DIR...`: runs fixture folders eager and compiled and prints how far from the recorded numbers each tensor is.
 *  Exit code: 0 all within tolerance, 1 something is over, 64 a folder that cannot be read. */
export async function runParity(dirs: readonly string[], options: ParityOptions): Promise<number> {
  const rows: Row[] = [];
  if (dirs.length === 0) {
    options.out('Cannot compare: no fixture folder given. Name folders that hold a manifest.json');
    return 64;
  }
  const fixtures: [Fixture, string][] = [];
  for (const dir of dirs) {
    try {
      const fixture = readFixture(dir);
      const kind = kindOf(fixture);
      if (kind === undefined) throw new Error(`Cannot tell what "${dir}" holds: its manifest fits none of ${Object.keys(CHECKS).join(', ')}`);
      fixtures.push([fixture, kind]);
    } catch (error) {
      options.out(error instanceof Error ? error.message : String(error));
      return 64;
    }
  }
  const engine = startEngine({ threads: options.threads ?? 2 });
  let broken = 0;
  let unreadable = 0;
  for (const [fixture, kind] of fixtures) {
    const runner = new Runner(engine, { xla: options.xla ?? true });
    runner.startFixture(fixture.name);
    try {
      await (CHECKS[kind] as (typeof CHECKS)[string])(fixture, runner);
    } catch (error) {
      broken++;
      if (error instanceof FixtureError || error instanceof z.ZodError) unreadable++;
      options.out(`${fixture.name}: ${error instanceof z.ZodError ? `Cannot read its manifest: ${z.prettifyError(error)}` : error instanceof Error ? error.message : String(error)}`);
    }
    rows.push(...runner.rows);
    for (const line of tableLines(runner.rows, options.all ?? false)) options.out(line);
    options.out('');
  }
  const over = rows.filter(failed).length;
  options.out(`${rows.length} tensors of ${fixtures.length} fixtures compared, ${over} over tolerance${broken > 0 ? `, ${broken} fixtures could not be run` : ''}`);
  return unreadable > 0 ? 64 : over + broken > 0 ? 1 : 0;
}
