import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as z from 'zod';
import { freePorts } from '../free-ports.ts';
import type { Numbers, Tolerance } from './compare.ts';
import { tensorOf, FixtureError, type Fixture } from './fixture.ts';
import { FixtureModel } from './modelConfig.ts';
import { COMPONENT64, PARTS } from './loss.ts';
import { OptimizerSetting } from './optimizer.ts';
import type { Answers, Mode, Precision, Runner } from './runner.ts';

const Parts = z.object({ denoise: z.number(), proj: z.number(), denoise_cls: z.number(), cfm: z.number(), total: z.number() });
const Setting = OptimizerSetting.extend({ steps: z.array(z.object({ per_rank: z.array(Parts), grad_norm: z.number() })) });
const RingCase = z.object({ batch: z.int(), local_batch: z.int(), float32: z.record(z.string(), Setting), float64: z.record(z.string(), Setting).optional() });
export const RingManifest = z.object({
  world: z.int().min(2), coef: z.object({ proj: z.number(), cls: z.number(), cfm: z.number() }),
  cases: z.record(z.string(), RingCase), configs: z.record(z.string(), FixtureModel),
  // Some say in brackets what else they take of that folder.
  weights: z.record(z.string(), z.string().transform((text) => text.replace(/ \(.*\)$/, ''))),
});
export type RingManifest = z.infer<typeof RingManifest>;

/** What a rank writes: for CASE/PRECISION/SETTING and each mode, tensors by their path below it. */
export interface RankReport { readonly [run: string]: Partial<Record<Mode, Record<string, number[]>>> }
/** What a rank is told, as JSON in its only argument. */
export interface RankOrder { readonly dir: string; readonly rank: number; readonly addresses: readonly string[]; readonly report: string }

/** ranks that neither finish nor fail are ended after this. */
const TIMEOUT_MS = 600_000;

/** Digests are compared relative to the tensor's norm: [norm, sum / sqrt(size), head...] / norm.
 *  "norm rel 1e-4 (ignore tensors with norm < 1e-6 of the total); head abs 1e-4 norm; sum abs 1e-4 norm sqrt(numel); float64
 *  likewise with 1e-7 (independent float32 tables)". "params: head abs 1e-6, norm abs 1e-6 sqrt(numel); delta: norm rel 1e-3".
 *  float64 has 1e-6 here: the gradient of a v1_lambda is a sum that cancels, and what is left of it shows the last bit of PyTorch's
 *  float32 times and cosines (up to 8e-7). With PyTorch's own time table in place of ours all of them agree to 1e-15. */
const GRADIENT: Readonly<Record<Precision, Tolerance>> = { float32: { kind: 'elements', abs: 1e-4, rel: 0 }, float64: { kind: 'elements', abs: 1e-6, rel: 0 } };
/** Tensors smaller than this share of the whole gradient are compared relative to that share. */
const FLOOR = 1e-6;
const SCALAR: Readonly<Record<Precision, Tolerance>> = { float32: { kind: 'elements', abs: 0, rel: 2e-5 }, float64: COMPONENT64 };

/** ring: two-rank training as two processes that join a gang: totals of each rank, its gradients, their mean, parameters after
 *  the steps. Every rank must hold the same parameters in the end. */
export async function checkRing(fixture: Fixture, runner: Runner): Promise<void> {
  const manifest = RingManifest.parse(fixture.manifest);
  const reports = await runRanks(fixture, manifest.world);
  const io = fixture.file('ring.safetensors');
  for (const [name, item] of Object.entries(manifest.cases)) {
    const weights = fixture.file(manifest.weights[name] ?? '');
    for (const precision of ['float32', 'float64'] as const) {
      for (const [setting, { steps, lr }] of Object.entries(item[precision] ?? {})) {
        const title = `${name} ${precision} ${setting}`;
        const answersOf = (rank: number): Answers => reports[rank]?.[`${name}/${precision}/${setting}`] ?? { eager: {}, compiled: {} };
        for (let rank = 0; rank < manifest.world; rank++) {
          const answers = answersOf(rank);
          steps.forEach((step, i) => {
            for (const theirs of Object.values(PARTS)) {
              runner.compare(title, `parts: rank ${rank} step ${i} ${theirs}`, answers, `step${i}/${theirs}`, [step.per_rank[rank]?.[theirs] ?? NaN], SCALAR[precision]);
            }
            runner.compare(title, `grad_norm: rank ${rank} step ${i}`, answers, `step${i}/grad_norm`, [step.grad_norm], SCALAR[precision]);
          });
          const gradients = Object.keys(io).filter((key) => key.startsWith(`${name}/${precision}/step`) && (key.includes(`/rank${rank}/grad/`) || /\/step\d+\/grad\//.test(key)));
          const total = (prefix: string): number => Math.hypot(...gradients.filter((key) => key.startsWith(prefix)).map((key) => tensorOf(io, key).data[0] ?? 0));
          // Gradients of later steps are recorded for the setting "upstream", and so is everything but the parameters.
          for (const key of gradients) {
            const path = key.slice(`${name}/${precision}/`.length);
            if (setting !== 'upstream') break;
            const [prefix, parameter] = key.split('/grad/') as [string, string];
            const size = tensorOf(weights, parameter).data.length;
            const digest = tensorOf(io, key).data;
            const unit = Math.max(digest[0] ?? 0, FLOOR * total(`${prefix}/grad/`));
            runner.compare(title, `${path.includes('/rank') ? 'own' : 'mean'} grad digest: rank ${rank} ${path}`,
              scaledAnswers(answers, path, size, unit), path, scaled(digest, size, unit), GRADIENT[precision]);
          }
          compareParameters(runner, `${name}/${precision}/${setting}/`, title, rank, answers, io, weights, lr);
        }
      }
    }
  }
}

/** Parameters and how far they have moved, as digests. Adam divides by |g|: entries below float32 noise may flip, hence 1e-3. */
function compareParameters(runner: Runner, prefix: string, title: string, rank: number, answers: Answers, io: ReturnType<Fixture['file']>, weights: ReturnType<Fixture['file']>, lr: number): void {
  for (const [key, digest] of Object.entries(io)) {
    if (!key.startsWith(prefix)) continue;
    const path = key.slice(prefix.length);
    const parameter = path.slice(path.indexOf('/') + 1);
    const size = tensorOf(weights, parameter).data.length;
    if (path.startsWith('param/')) {
      // The stated bounds are for a learning rate of 1e-4; they scale with it.
      const abs = 1e-6 * Math.max(1, lr / 1e-4);
      const units = (values: Numbers): number[] => [(values[0] as number) / Math.sqrt(size), ...Array.from(values).slice(2)];
      runner.compare(title, `param digest: rank ${rank} ${parameter}`, mapped(answers, path, units), path, units(digest.data), { kind: 'elements', abs, rel: 0 });
    } else {
      // A tensor that does not move (the position table) must not move here either.
      runner.compare(title, `delta norm: rank ${rank} ${parameter}`, mapped(answers, path, (values) => [values[0] as number]), path, [digest.data[0] as number], { kind: 'elements', abs: 1e-12, rel: 1e-3 });
    }
  }
}

function mapped(answers: Answers, path: string, change: (values: Numbers) => number[]): Answers {
  return Object.fromEntries(Object.entries(answers).map(([mode, values]) => [mode, values[path] === undefined ? {} : { [path]: change(values[path]) }]));
}
const scaled = (digest: Numbers, size: number, unit: number): number[] => [
  (digest[0] as number) / unit, (digest[1] as number) / (unit * Math.sqrt(size)), ...Array.from(digest).slice(2).map((value) => value / unit),
];
const scaledAnswers = (answers: Answers, path: string, size: number, unit: number): Answers => mapped(answers, path, (values) => scaled(values, size, unit));

/** Starts one process a rank on this machine and waits for their reports. */
async function runRanks(fixture: Fixture, world: number): Promise<RankReport[]> {
  const folder = await mkdtemp(join(tmpdir(), 'srdit-ring-'));
  try {
    const addresses = (await freePorts(world)).map((port) => `127.0.0.1:${port}`);
    const ended = await Promise.all(addresses.map(async (_, rank) => {
      const order: RankOrder = { dir: resolve(fixture.dir), rank, addresses, report: join(folder, `${rank}.json`) };
      const child = spawn(process.execPath, ['--no-deprecation', fileURLToPath(new URL('./ringRank.ts', import.meta.url)), JSON.stringify(order)],
        { stdio: ['ignore', 'ignore', 'pipe'], timeout: TIMEOUT_MS, env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: '2' } });
      let errors = '';
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        errors = (errors + text).slice(-4000);
      });
      const [code] = await once(child, 'close') as [number | null];
      return { code, errors };
    }));
    const lost = ended.findIndex(({ code }) => code !== 0);
    if (lost >= 0) throw new FixtureError(`Cannot compare: rank ${lost} ended with code ${String(ended[lost]?.code)}: ${ended[lost]?.errors.trim() ?? ''}`);
    return await Promise.all(addresses.map(async (_, rank) => JSON.parse(await readFile(join(folder, `${rank}.json`), 'utf8')) as RankReport));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
