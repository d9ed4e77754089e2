import type { Body, CallArgs, Engine, TensorSpec, Variable } from '../engine/types.ts';
import { describe, measure, type Measured, type Numbers, type Row, type Tolerance } from './compare.ts';
import { asArgument, type HostTensor, type Tensors } from './fixture.ts';

export type Mode = 'eager' | 'compiled';
export type Precision = 'float32' | 'float64';
export type Values = Readonly<Record<string, Numbers>>;
/** What a body answered, op by op and compiled. */
export type Answers = Partial<Record<Mode, Values>>;

/** Runs bodies in both ways and collects rows. */
export class Runner {
  readonly engine: Engine;
  /** One XLA program for a compiled function, or TensorFlow's own executor (compiles faster). */
  readonly xla: boolean;
  readonly rows: Row[] = [];
  #fixture = '';

  constructor(engine: Engine, options: { xla?: boolean } = {}) {
    this.engine = engine;
    this.xla = options.xla ?? true;
  }

  startFixture(name: string): void {
    this.#fixture = name;
  }

  /** Stock tfjs knows no float64: there only the compiled function runs. */
  modes(precision: Precision): Mode[] {
    return precision === 'float64' ? ['compiled'] : ['eager', 'compiled'];
  }

  /** XLA is what training uses; the float64 check is about the mathematics, so it takes the executor, which compiles faster. */
  xlaFor(precision: Precision): boolean {
    return this.xla && precision === 'float32';
  }

  variables(weights: Tensors): Record<string, Variable> {
    return Object.fromEntries(Object.entries(weights).map(([name, { data, shape }]) => [name, this.engine.variable(name, data as Float32Array, shape)]));
  }

  /** Runs the body on these arguments. */
  async run(name: string, body: Body, args: Readonly<Record<string, HostTensor>>, precision: Precision, state: Readonly<Record<string, Variable>> = {}): Promise<Answers> {
    const answers: Answers = {};
    const specs: Record<string, TensorSpec> = {};
    const values: Record<string, CallArgs[string]> = {};
    for (const [arg, tensor] of Object.entries(args)) {
      const { data, spec } = asArgument(tensor, precision);
      specs[arg] = spec;
      values[arg] = data;
    }
    for (const mode of this.modes(precision)) {
      using compiled = this.engine[mode === 'eager' ? 'eager' : 'compile'](name, body, { args: specs, state, precision, xla: this.xlaFor(precision) });
      const out: Record<string, Numbers> = {};
      for (const [key, tensor] of Object.entries(await compiled.call(values))) {
        out[key] = tensor.data() as unknown as Numbers;
        tensor[Symbol.dispose]();
      }
      answers[mode] = out;
    }
    return answers;
  }

  /** A row for one tensor of the answers. */
  compare(caseName: string, tensor: string, answers: Answers, key: string, expected: Numbers, tolerance: Tolerance): void {
    const measured = (mode: Mode): Measured | undefined => {
      const values = answers[mode];
      return values === undefined ? undefined : measure(values[key] ?? [], expected, tolerance);
    };
    this.rows.push({ fixture: this.#fixture, case: caseName, tensor, tolerance: describe(tolerance), eager: measured('eager'), compiled: measured('compiled') });
  }

  /** A row for what no network computed. */
  compareHost(caseName: string, tensor: string, actual: Numbers, expected: Numbers, tolerance: Tolerance): void {
    this.rows.push({ fixture: this.#fixture, case: caseName, tensor, tolerance: describe(tolerance), host: measure(actual, expected, tolerance) });
  }
}
