import type { HostData, Shape } from './types.ts';
import { Attr, type Addon, type Attributes, type NativeContext, type NativeGraph } from './addon.ts';
import { callSite } from './callsite.ts';
import { TF } from './dtype.ts';
import { EngineError, reason } from './errors.ts';

/** An output of a node of a graph: its number, TensorFlow type and shape. */
export interface Output { readonly id: number; readonly dtype: number; readonly shape: readonly number[] }
export interface Node { readonly operation: number; readonly outputs: readonly Output[] }

/** Ops whose inputs are one list, but for the last few. */
const LIST_INPUT: Readonly<Record<string, number>> = { ConcatV2: 1, Pack: 0, AddN: 0, Einsum: 0, IdentityN: 0 };

/** A TensorFlow graph under construction. Every op is checked, and its output shape inferred, as it is added. */
export class Graph implements Disposable {
  readonly #addon: Addon;
  #graph: NativeGraph | undefined;
  #serial = 0;
  readonly #constants = new Map<string, Output>();
  /** Node name -> line of the traced code that made it. */
  readonly sites = new Map<string, string>();

  constructor(addon: Addon) {
    this.#addon = addon;
    this.#graph = addon.newGraph();
  }

  get #native(): NativeGraph {
    if (this.#graph === undefined) throw new EngineError('Disposed', 'Cannot add to a graph whose trace is over: a tensor of a traced function is used outside of it. Return it from the body instead');
    return this.#graph;
  }

  add(op: string, inputs: readonly number[], attributes: Attributes = [], controls: readonly number[] = []): Node {
    const single = LIST_INPUT[op];
    const name = `${op}_${this.#serial++}`;
    const site = callSite();
    this.sites.set(name, site);
    const arranged = single === undefined ? inputs : [inputs.slice(0, inputs.length - single), ...inputs.slice(inputs.length - single)];
    try {
      return parse(this.#addon.addOp(this.#native, op, name, arranged, attributes, controls), op, site);
    } catch (cause) {
      if (cause instanceof EngineError) throw cause;
      throw new EngineError('TraceFailed', `Cannot add op "${op}"${at(site)}: ${reason(cause)}`, { cause });
    }
  }

  /** Small constants (shapes, axes, scalars) that are equal become one node. */
  constant(dtype: number, shape: Shape, data: HostData): Output {
    const key = data.length <= 16 ? constantKey(dtype, shape, data) : undefined;
    const known = key === undefined ? undefined : this.#constants.get(key);
    if (known !== undefined) return known;
    const name = `Const_${this.#serial++}`;
    const output = only(parse(this.#addon.addConstant(this.#native, name, dtype, shape, data), 'Const', ''));
    if (key !== undefined) this.#constants.set(key, output);
    return output;
  }

  placeholder(dtype: number, shape: Shape): Output {
    return only(this.add('Placeholder', [], ['dtype', Attr.type, dtype, 'shape', Attr.shape, shape]));
  }

  cast(output: Output, dtype: number): Output {
    return output.dtype === dtype ? output : only(this.add('Cast', [output.id], ['DstT', Attr.type, dtype]));
  }

  /** Makes the graph a function of the context; answers the number of nodes. */
  toFunction(context: NativeContext, name: string, inputs: readonly Output[], outputs: readonly Output[], controls: readonly Node[], xla: boolean): number {
    const ids = (list: readonly Output[]): number[] => list.map((output) => output.id);
    return this.#addon.addFunction(context, this.#native, name, ids(inputs), ids(outputs), controls.map((node) => node.operation), xla);
  }

  [Symbol.dispose](): void {
    if (this.#graph !== undefined) this.#addon.deleteGraph(this.#graph);
    this.#graph = undefined;
  }
}

export const at = (site: string): string => (site === '' ? '' : ` at ${site}`);

export function only(node: Node): Output {
  const [output] = node.outputs;
  if (output === undefined) throw new EngineError('TraceFailed', 'Cannot use the output of an op that has none');
  return output;
}

function constantKey(dtype: number, shape: Shape, data: HostData): string {
  // -0 prints as 0 but is another number; NaN and bigints print as what they are.
  return `${dtype}|${shape.join()}|${Array.from(data as ArrayLike<number | bigint>, (value) => (Object.is(value, -0) ? '-0' : String(value))).join()}`;
}

function parse(answer: readonly number[], op: string, site: string): Node {
  const outputs: Output[] = [];
  for (let i = 1; i < answer.length;) {
    const [id = 0, dtype = 0, rank = -1] = answer.slice(i, i + 3);
    const shape = answer.slice(i + 3, i + 3 + Math.max(rank, 0));
    // Resources have no shape of interest; all else must have one, for tfjs plans with it.
    if (dtype !== TF.resource && !UNSHAPED.has(op) && (rank < 0 || shape.includes(-1))) {
      throw new EngineError('TraceFailed', `Cannot trace op "${op}"${at(site)}: the shape of its result depends on values. Use an op whose result shape follows from shapes alone`);
    }
    outputs.push({ id, dtype, shape });
    i += 3 + shape.length;
  }
  return { operation: answer[0] ?? 0, outputs };
}

/** Followed by EnsureShape at once. */
const UNSHAPED = new Set(['ReadVariableOp']);
