import { createHash } from 'node:crypto';
import { parseSafetensors, type SafetensorsFile } from '../safetensors/read.ts';
import { isAboutObject, type Storage } from '../storage/storage.ts';
import type { ModelConfig } from '../model/config.ts';
import { parameterTable, type ParameterInfo } from '../model/parameters.ts';
import { CheckpointError } from './error.ts';
import { knownCheckpoints, readManifest, type Known } from './list.ts';
import type { Manifest } from './manifest.ts';

export type Weights = Record<string, Float32Array>;

/** Reads one file of a checkpoint after its size and digest have been checked. Throws CheckpointError DigestMismatch, Incomplete. */
async function readVerified(storage: Storage, path: string, manifest: Manifest, name: string): Promise<SafetensorsFile> {
  const where = path === '' ? storage.uri : `${storage.uri}/${path}`;
  const file = manifest.files.find((entry) => entry.name === name);
  if (file === undefined) throw new CheckpointError('Incomplete', `Cannot read checkpoint "${where}": it has no "${name}". Use another checkpoint`);
  let bytes: Uint8Array;
  try {
    bytes = await storage.read(path === '' ? name : `${path}/${name}`, { limitBytes: file.bytes });
  } catch (cause) {
    if (!isAboutObject(cause)) throw cause;
    const what = cause.code === 'NotFound' ? 'is missing' : 'is longer than its manifest says';
    throw new CheckpointError('DigestMismatch', `Cannot read checkpoint "${where}": "${name}" ${what}. Use another checkpoint`, { cause });
  }
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  if (bytes.length !== file.bytes || sha256 !== file.sha256) {
    throw new CheckpointError('DigestMismatch', `Cannot read checkpoint "${where}": the sha256 of "${name}" is not the one in its manifest, so the file was damaged or changed. Use another checkpoint`);
  }
  try {
    return parseSafetensors(bytes, `${where}/${name}`);
  } catch (cause) {
    throw new CheckpointError('DigestMismatch', `Cannot read checkpoint "${where}": ${(cause as Error).message}. Use another checkpoint`, { cause });
  }
}

/** Float32 tensors of a file by name, of exactly these names and shapes (prefix before each). Throws CheckpointError ShapeMismatch. */
async function floats(file: SafetensorsFile, table: readonly ParameterInfo[], prefix: string, where: string): Promise<Weights> {
  const weights: Weights = {};
  for (const { name, shape } of table) {
    const key = prefix + name;
    const wanted = `F32 [${shape.join(', ')}]`;
    const found = file.has(key) ? `${file.info(key).dtype} [${file.info(key).shape.join(', ')}]` : 'missing';
    if (found !== wanted) {
      throw new CheckpointError('ShapeMismatch', `Cannot load checkpoint "${where}": tensor "${key}" is ${found} but the model expects ${wanted}. Use a checkpoint of this model`);
    }
    weights[name] = await file.float32(key);
  }
  return weights;
}

export interface LoadedWeights { readonly manifest: Manifest; readonly weights: Weights; readonly digest: string }

/** Weights of the checkpoint in folder `path` below storage, by state-dict name (with frozen ones and buffers), verified.
 *  Throws CheckpointError. */
export async function readWeights(storage: Storage, path: string, which: 'ema' | 'model'): Promise<LoadedWeights> {
  const { manifest, ref } = await readManifest(storage, path);
  const file = await readVerified(storage, path, manifest, `${which}.safetensors`);
  return { manifest, digest: ref.digest, weights: await floats(file, parameterTable(manifest.model), '', ref.uri) };
}

/** Everything that training goes on from; trained parameters only. */
export interface LoadedTraining {
  readonly known: Known;
  readonly model: Weights; readonly ema: Weights; readonly m: Weights; readonly v: Weights;
}

async function readTraining(storage: Storage, known: Known): Promise<LoadedTraining> {
  const { manifest, path, ref } = known;
  const trained = parameterTable(manifest.model).filter((info) => info.kind === 'trained');
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
