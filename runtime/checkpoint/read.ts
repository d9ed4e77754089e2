import { createHash } from 'node:crypto';
import { SafetensorsError } from '../safetensors/error.ts';
import { parseSafetensors, type SafetensorsFile } from '../safetensors/read.ts';
import { isAboutObject, type Storage } from '../storage/storage.ts';
import type { ModelConfig } from '../model/config.ts';
import { parameterTable, type ParameterInfo } from '../model/parameters.ts';
import { CheckpointError, type CheckpointErrorCode } from './error.ts';
import { knownCheckpoints, type Known } from './list.ts';
import type { Manifest } from './manifest.ts';

export type Weights = Record<string, Float32Array>;

/** Reads one file of a checkpoint after its size and digest have been checked.
 *  Throws CheckpointError Incomplete, DigestMismatch, Malformed. */
async function readVerified(storage: Storage, path: string, manifest: Manifest, name: string): Promise<SafetensorsFile> {
  const where = path === '' ? storage.uri : `${storage.uri}/${path}`;
  const refusal = (code: CheckpointErrorCode, why: string, cause?: unknown): CheckpointError =>
    new CheckpointError(code, `Cannot read checkpoint "${where}": ${why}. Use another checkpoint`, cause === undefined ? {} : { cause });
  const file = manifest.files.find((entry) => entry.name === name);
  if (file === undefined) throw refusal('Incomplete', `its manifest names no "${name}"`);
  let bytes: Uint8Array;
  try {
    bytes = await storage.read(path === '' ? name : `${path}/${name}`, { limitBytes: file.bytes });
  } catch (cause) {
    if (!isAboutObject(cause)) throw cause;
    throw cause.code === 'NotFound' ? refusal('Incomplete', `"${name}" is missing`, cause)
      : refusal('DigestMismatch', `"${name}" is longer than the ${file.bytes} bytes that its manifest says, so the file was damaged or changed`, cause);
  }
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  if (bytes.length !== file.bytes || sha256 !== file.sha256) {
    throw refusal('DigestMismatch', `the sha256 of "${name}" is not the one in its manifest, so the file was damaged or changed`);
  }
  try {
    return parseSafetensors(bytes, `${where}/${name}`);
  } catch (cause) {
    if (!(cause instanceof SafetensorsError)) throw cause;
    throw refusal('Malformed', cause.message, cause);
  }
}

const mismatch = (where: string, why: string): CheckpointError =>
  new CheckpointError('ShapeMismatch', `Cannot load checkpoint "${where}": ${why}. Use a checkpoint of this model`);

/** Float32 tensors of a file by name, of exactly these names and shapes (prefix before each). Throws CheckpointError ShapeMismatch. */
async function floats(file: SafetensorsFile, table: readonly ParameterInfo[], prefix: string, where: string): Promise<Weights> {
  const weights: Weights = {};
  for (const { name, shape } of table) {
    const key = prefix + name;
    const wanted = `F32 [${shape.join(', ')}]`;
    const found = file.has(key) ? `${file.info(key).dtype} [${file.info(key).shape.join(', ')}]` : 'missing';
    if (found !== wanted) throw mismatch(where, `tensor "${key}" is ${found} but the model expects ${wanted}`);
    weights[name] = await file.float32(key);
  }
  return weights;
}

const trainedOf = (model: ModelConfig): ParameterInfo[] => parameterTable(model).filter((info) => info.kind === 'trained');

/** Weights to draw with, of the checkpoint in the folder `checkpoint` whose manifest this is: the averaged ones or the raw
 *  ones, every trained parameter by state-dict name. The file's digest is verified, and it may hold no tensor that the model
 *  does not know; frozen ones and buffers are functions of the configuration and not read.
 *  Throws CheckpointError Incomplete, DigestMismatch, Malformed, ShapeMismatch. */
export async function readWeights(checkpoint: Storage, manifest: Manifest, which: 'ema' | 'model'): Promise<Weights> {
  const file = await readVerified(checkpoint, '', manifest, `${which}.safetensors`);
  const known = new Set(parameterTable(manifest.model).map(({ name }) => name));
  const foreign = file.names().find((name) => !known.has(name));
  if (foreign !== undefined) throw mismatch(checkpoint.uri, `tensor ${JSON.stringify(foreign.slice(0, 120))} is not part of the model`);
  return await floats(file, trainedOf(manifest.model), '', checkpoint.uri);
}

/** Everything that training goes on from; trained parameters only. */
export interface LoadedTraining {
  readonly known: Known;
  readonly model: Weights; readonly ema: Weights; readonly m: Weights; readonly v: Weights;
}

async function readTraining(storage: Storage, known: Known): Promise<LoadedTraining> {
  const { manifest, path, ref } = known;
  const trained = trainedOf(manifest.model);
  const file = (name: string) => readVerified(storage, path, manifest, name);
  const optimizer = await file('optimizer.safetensors');
  return {
    known,
    model: await floats(await file('model.safetensors'), trained, '', ref.uri),
    ema: await floats(await file('ema.safetensors'), trained, '', ref.uri),
    m: await floats(optimizer, trained, 'm.', ref.uri), v: await floats(optimizer, trained, 'v.', ref.uri),
  };
}

/** The newest complete checkpoint over all attempts whose digests hold; undefined if there is none at all. `onBad` hears of
 *  each that was passed over. Throws CheckpointError (that of the newest) if there are some and none holds: starting from
 *  nothing in their place would throw work away without a word. */
export async function readNewest(storage: Storage, onBad: (error: CheckpointError) => void): Promise<LoadedTraining | undefined> {
  let first: CheckpointError | undefined;
  const bad = (error: CheckpointError): void => { first ??= error; onBad(error); };
  for (const known of await knownCheckpoints(storage, bad)) {
    try {
      return await readTraining(storage, known);
    } catch (error) {
      if (!(error instanceof CheckpointError)) throw error;
      bad(error);
    }
  }
  if (first !== undefined) throw first;
  return undefined;
}

/** Names of what differs between the model of a checkpoint and the one asked for. */
export function differences(a: ModelConfig, b: ModelConfig): string[] {
  const flat = ({ routing, ...rest }: ModelConfig): Record<string, unknown> =>
    ({ ...rest, 'routing.enabled': routing.enabled, 'routing.keepRatio': routing.keepRatio, 'routing.pathDropProb': routing.pathDropProb });
  const [left, right] = [flat(a), flat(b)];
  return Object.keys(left).filter((name) => JSON.stringify(left[name]) !== JSON.stringify(right[name]));
}
