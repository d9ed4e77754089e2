import { createHash } from 'node:crypto';
import type { CheckpointRef } from '@srdit/crds';
import { writeSafetensors } from '../safetensors/write.ts';
import type { TensorEntry } from '../safetensors/types.ts';
import type { Storage } from '../storage/storage.ts';
import type { Claim } from './claim.ts';
import { bytesOf, encodeManifest, type Manifest } from './manifest.ts';
import { checkpointPath, MANIFEST } from './paths.ts';

/** A checkpoint to be written: its files' tensors, and what the manifest says besides the files. */
export interface Contents {
  readonly manifest: Omit<Manifest, 'format' | 'files' | 'attempt' | 'time'>;
  /** File name -> tensors. */
  readonly files: Readonly<Record<string, readonly TensorEntry[]>>;
}

/** Writes attempts/N/checkpoints/STEP/: files first, then, if no newer attempt has claimed the prefix, manifest.json, which
 *  makes it complete. A process that dies anywhere in between leaves an incomplete one, which nobody reads.
 *  Throws CheckpointError Fenced. */
export async function writeCheckpoint(storage: Storage, claim: Claim, contents: Contents): Promise<CheckpointRef> {
  const path = checkpointPath(claim.attempt, contents.manifest.step);
  const files: Manifest['files'] = [];
  try {
    for (const [name, tensors] of Object.entries(contents.files)) {
      const { bytes, sha256 } = await storage.write(`${path}/${name}`, writeSafetensors(tensors));
      files.push({ name, bytes, sha256 });
    }
  } catch (error) {
    // A full disk, perhaps: what there is of it must not take up the room of the next.
    await storage.remove(path).catch(() => undefined);
    throw error;
  }
  const manifest: Manifest = { format: 'srdit.dev/checkpoint/v1', ...contents.manifest, attempt: claim.attempt, time: new Date().toISOString(), files };
  const encoded = encodeManifest(manifest);
  await claim.check();
  await storage.write(`${path}/${MANIFEST}`, encoded);
  return {
    step: manifest.step, uri: `${storage.uri}/${path}`, bytes: bytesOf(manifest),
    digest: createHash('sha256').update(encoded).digest('hex'),
  };
}
