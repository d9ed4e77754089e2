import type { Tensor } from '@tensorflow/tfjs-core';
import { headWidth, mlpWidth, patchCount, tokenCount, type ModelConfig } from './config.ts';
import { positionTable, rotaryTable } from './tables.ts';
import { Philox } from '../flow/philox.ts';

/** trained: gradient, moments, average. frozen: the position table, saved and averaged but constant. buffer: saved only. */
export interface ParameterInfo {
  readonly name: string;
  readonly shape: readonly number[];
  readonly kind: 'trained' | 'frozen' | 'buffer';
}

/** How a parameter starts: zero, constant, Xavier uniform over (fanIn, fanOut), normal of deviation 0.02, or a table. */
type Start =
  | { readonly kind: 'constant'; readonly value: number }
  | { readonly kind: 'xavier'; readonly fanIn: number; readonly fanOut: number }
  | { readonly kind: 'normal'; readonly deviation: number }
  | { readonly kind: 'table'; readonly table: 'position' | 'cos' | 'sin' };
interface Entry extends ParameterInfo { readonly start: Start }

const ZERO: Start = { kind: 'constant', value: 0 };
const ONE: Start = { kind: 'constant', value: 1 };
const NORMAL: Start = { kind: 'normal', deviation: 0.02 };

function* entries(config: ModelConfig): Generator<Entry> {
  const { hiddenSize: h, depth, channels, patchSize: p, classTokenWidth: z, projectorWidth } = config;
  const e = headWidth(config);
  const m = mlpWidth(config);
  const trained = (name: string, shape: readonly number[], start: Start): Entry => ({ name, shape, kind: 'trained', start });
  function* linear(name: string, out: number, into: number, weight: Start = { kind: 'xavier', fanIn: into, fanOut: out }): Generator<Entry> {
    yield trained(`${name}.weight`, [out, into], weight);
    yield trained(`${name}.bias`, [out], ZERO);
  }

  if (config.routing.enabled) yield trained('mask_token', [1, 1, h], ZERO);
  yield { name: 'pos_embed', shape: [1, tokenCount(config), h], kind: 'frozen', start: { kind: 'table', table: 'position' } };
  if (config.routing.enabled) yield* linear('fusion_proj', h, 2 * h);
  yield trained('x_embedder.proj.weight', [h, channels, p, p], { kind: 'xavier', fanIn: channels * p * p, fanOut: h });
  yield trained('x_embedder.proj.bias', [h], ZERO);
  yield* linear('t_embedder.mlp.0', h, 256, NORMAL);
  yield* linear('t_embedder.mlp.2', h, h, NORMAL);
  yield trained('y_embedder.embedding_table.weight', [config.numClasses + 1, h], NORMAL);
  for (let i = 0; i < depth; i++) {
    const block = `blocks.${i}`;
    if (config.valueResidual && i > 0) yield trained(`${block}.attn.v1_lambda`, [], { kind: 'constant', value: 0.5 });
    yield* linear(`${block}.attn.qkv`, 3 * h, h);
    if (config.qkNorm) {
      yield trained(`${block}.attn.q_norm.weight`, [e], ONE);
      yield trained(`${block}.attn.k_norm.weight`, [e], ONE);
    }
    yield* linear(`${block}.attn.proj`, h, h);
    yield* linear(`${block}.mlp.fc1`, m, h);
    yield* linear(`${block}.mlp.fc2`, h, m);
    yield* linear(`${block}.adaLN_modulation.1`, 6 * h, h, ZERO);
  }
  for (const [j, width] of config.featureWidths.entries()) {
    yield* linear(`projectors.${j}.0`, projectorWidth, h);
    yield* linear(`projectors.${j}.2`, projectorWidth, projectorWidth);
    yield* linear(`projectors.${j}.4`, width, projectorWidth);
  }
  yield* linear('final_layer.linear', p * p * channels, h, ZERO);
  if (z > 0) yield* linear('final_layer.linear_cls', z, h, ZERO);
  yield* linear('final_layer.adaLN_modulation.1', 2 * h, h, ZERO);
  if (z > 0) {
    yield* linear('cls_projectors2', h, z);
    yield trained('wg_norm.weight', [h], ONE);
  }
  if (config.rope) {
    yield { name: 'feat_rope.freqs_cos', shape: [patchCount(config), e], kind: 'buffer', start: { kind: 'table', table: 'cos' } };
    yield { name: 'feat_rope.freqs_sin', shape: [patchCount(config), e], kind: 'buffer', start: { kind: 'table', table: 'sin' } };
  }
}

export const sizeOfShape = (shape: readonly number[]): number => shape.reduce((product, side) => product * side, 1);

/** Every tensor of the state dict, in the reference's order; techniques that are off leave theirs out. */
export function parameterTable(config: ModelConfig): ParameterInfo[] {
  return Array.from(entries(config), ({ name, shape, kind }) => ({ name, shape, kind }));
}

/** Parameters as the paper counts them: trained and the frozen position table, not the buffers. */
export function parameterCount(config: ModelConfig): number {
  return parameterTable(config).filter((info) => info.kind !== 'buffer').reduce((sum, info) => sum + sizeOfShape(info.shape), 0);
}

/** Fresh weights by state-dict name. Drawn on the host from philox4x32-10 with one stream per parameter, keyed by
 *  (seed, FNV-1a of the name): a parameter starts the same whichever techniques are on, on any machine. */
export function initialParameters(config: ModelConfig, seed: number): Record<string, Float32Array> {
  const weights: Record<string, Float32Array> = {};
  for (const { name, shape, start } of entries(config)) weights[name] = started(config, name, sizeOfShape(shape), start, seed);
  return weights;
}

/** The tables alone (frozen and buffers): functions of the configuration, so no weight has to be drawn for them. */
export function parameterTables(config: ModelConfig): Record<string, Float32Array> {
  const tables: Record<string, Float32Array> = {};
  for (const { name, shape, kind, start } of entries(config)) if (kind !== 'trained') tables[name] = started(config, name, sizeOfShape(shape), start, 0);
  return tables;
}

function started(config: ModelConfig, name: string, size: number, start: Start, seed: number): Float32Array {
  switch (start.kind) {
    case 'constant': return new Float32Array(size).fill(start.value);
    case 'table': {
      if (start.table === 'position') return positionTable(config);
      return rotaryTable(config)[start.table];
    }
    case 'xavier': {
      const bound = Math.sqrt(6 / (start.fanIn + start.fanOut));
      return new Philox([seed, 0], [fnv1a(name), 1]).uniforms(new Float32Array(size), -bound, bound);
    }
    case 'normal': return new Philox([seed, 0], [fnv1a(name), 1]).normals(new Float32Array(size), start.deviation);
    default: return start satisfies never;
  }
}

/** FNV-1a, 32 bits: a fixed number for a name. */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

/** A parameter that must be there. */
export function parameter(p: Readonly<Record<string, Tensor>>, name: string): Tensor {
  const value = p[name];
  if (value === undefined) throw new TypeError(`Cannot run the model: parameter "${name}" is missing. Pass every tensor that parameterTable(config) lists`);
  return value;
}
