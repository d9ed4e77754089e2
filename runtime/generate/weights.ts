import { createHash } from 'node:crypto';
import { CheckpointError } from '../checkpoint/error.ts';
import type { Manifest } from '../checkpoint/manifest.ts';
import type { ModelConfig } from '../model/config.ts';
import { parameterTable } from '../model/parameters.ts';
import { SafetensorsError } from '../safetensors/error.ts';
import { parseSafetensors, type SafetensorsFile } from '../safetensors/read.ts';
import { isAboutObject, type Storage } from '../storage/storage.ts';

/** Weights of a checkpoint by state-dict name: the averaged ones or the raw ones, digest verified, names and shapes exactly
 *  those of the model in its manifest (tables that the configuration gives may be left out). Throws CheckpointError. */
export async function readWeights(checkpoint: Storage, manifest: Manifest, which: 'ema' | 'model'): Promise<Record<string, Float32Array>> {
  const name = `${which}.safetensors`;
  const where = `"${checkpoint.uri}/${name}"`;
  const file = manifest.files.find((entry) => entry.name === name);
  if (file === undefined) throw new CheckpointError('Incomplete', `Cannot load checkpoint "${checkpoint.uri}": its manifest names no ${name}. Use a checkpoint that a training wrote`);
  const bytes = await checkpoint.read(name, { limitBytes: file.bytes }).catch((cause: unknown) => {
    if (!isAboutObject(cause)) throw cause;
    throw new CheckpointError('Incomplete', `Cannot load checkpoint "${checkpoint.uri}": ${name} is missing or not of the ${file.bytes} bytes that its manifest says. Use the checkpoint before it`, { cause });
  });
  if (bytes.byteLength !== file.bytes || createHash('sha256').update(bytes).digest('hex') !== file.sha256) {
    throw new CheckpointError('DigestMismatch', `Cannot load checkpoint "${checkpoint.uri}": ${name} is damaged, its digest is not that of the manifest. Use the checkpoint before it`);
  }
  try {
    return await strictWeights(parseSafetensors(bytes, where), manifest.model, where);
  } catch (cause) {
    if (!(cause instanceof SafetensorsError)) throw cause;
    throw new CheckpointError('Incomplete', `Cannot load checkpoint "${checkpoint.uri}": ${cause.message}`, { cause });
  }
}

/** Tensors of a file as weights of a model. Throws CheckpointError ShapeMismatch for a missing, foreign or misshapen one. */
export async function strictWeights(file: SafetensorsFile, config: ModelConfig, where: string): Promise<Record<string, Float32Array>> {
  const table = parameterTable(config);
  const known = new Set(table.map(({ name }) => name));
  const refuse = (why: string): CheckpointError =>
    new CheckpointError('ShapeMismatch', `Cannot load ${where}: ${why}. Use weights of the model that the manifest describes`);
  for (const name of file.names()) if (!known.has(name)) throw refuse(`tensor ${JSON.stringify(name.slice(0, 120))} is not part of the model`);
  const weights: Record<string, Float32Array> = {};
  for (const { name, shape, kind } of table) {
    if (!file.has(name)) {
      if (kind !== 'trained') continue;
      throw refuse(`tensor "${name}" is missing`);
    }
    const found = file.info(name).shape;
    if (found.length !== shape.length || found.some((side, i) => side !== shape[i])) throw refuse(`tensor "${name}" is [${found.join(', ')}] but the model expects [${shape.join(', ')}]`);
    if (kind === 'trained') weights[name] = await file.float32(name);
  }
  return weights;
}
