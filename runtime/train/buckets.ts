import * as tf from '@tensorflow/tfjs-core';
import type { Tensor } from '@tensorflow/tfjs-core';

/** Values a bucket holds at most, unless one parameter alone has more: 64 MiB of float32. Few large messages keep a
 *  ring or NCCL busy; several rather than one bound the copy that each needs. */
const BUCKET_VALUES = 16 * 2 ** 20;

export interface Member { readonly shape: readonly number[]; readonly size: number }
/** Tensors, in order, that travel as one flat vector. */
export type Bucket = readonly Member[];

/** Cuts a list of tensors into consecutive buckets. */
export function planBuckets(shapes: readonly (readonly number[])[], limit: number = BUCKET_VALUES): Bucket[] {
  const buckets: Member[][] = [];
  let room = 0;
  for (const shape of shapes) {
    const size = shape.reduce((product, side) => product * side, 1);
    if (buckets.length === 0 || size > room) {
      buckets.push([]);
      room = limit;
    }
    buckets.at(-1)?.push({ shape, size });
    room -= size;
  }
  return buckets;
}

export const bucketSize = (bucket: Bucket): number => bucket.reduce((sum, member) => sum + member.size, 0);

/** Tensors in order -> one flat vector a bucket. */
export function pack(tensors: readonly Tensor[], buckets: readonly Bucket[]): Tensor[] {
  let next = 0;
  return buckets.map((bucket) => {
    const flat = bucket.map(() => tf.reshape(tensors[next++] as Tensor, [-1]));
    return flat.length === 1 ? flat[0] as Tensor : tf.concat(flat, 0);
  });
}

/** The inverse of pack. */
export function unpack(vectors: readonly Tensor[], buckets: readonly Bucket[]): Tensor[] {
  return buckets.flatMap((bucket, i) => {
    const parts = bucket.length === 1 ? [vectors[i] as Tensor] : tf.split(vectors[i] as Tensor, bucket.map((member) => member.size), 0);
    return bucket.map((member, j) => tf.reshape(parts[j] as Tensor, [...member.shape]));
  });
}
