import * as tf from '@tensorflow/tfjs-core';
import type { Tensor } from '@tensorflow/tfjs-core';

/** tfjs types custom gradients by overloads that lose the arguments; this keeps them. */
type Differentiable = (inputs: readonly Tensor[], save: (tensors: Tensor[]) => void) => { value: Tensor; gradient: (dy: Tensor, saved: Tensor[]) => Tensor[] };

/** An operation with a gradient written by hand: fewer nodes and less kept memory than the derived one.
 *  `save` keeps tensors for the gradient; nothing else made in the forward pass may be used there. */
export function withGradient(operation: Differentiable, inputs: readonly Tensor[]): Tensor {
  const differentiable = tf.customGrad((...args: unknown[]) => {
    const save = args.pop() as (tensors: Tensor[]) => void;
    const { value, gradient } = operation(args as Tensor[], save);
    return { value, gradFunc: (dy: Tensor, saved: Tensor[]) => gradient(dy, saved) };
  });
  return differentiable(...inputs);
}

/** x W^T + b over the last axis. x: [..., in], weight: [out, in], bias: [out] -> [..., out]. */
export function linear(x: Tensor, weight: Tensor, bias: Tensor): Tensor {
  const [out = 0, into = 0] = weight.shape;
  const rows = tf.reshape(x, [-1, into]);
  return tf.reshape(tf.add(tf.matMul(rows, weight, false, true), bias), [...x.shape.slice(0, -1), out]);
}

/** Epsilon of every norm but that of queries and keys. */
export const NORM_EPSILON = 1e-6;

/** x / sqrt(mean(x^2) + epsilon) over the last axis (RMS norm without weight, Zhang & Sennrich, arXiv 1910.07467). */
export function rmsNorm(x: Tensor, epsilon: number): Tensor {
  return withGradient(([input], save) => {
    const inverse = tf.rsqrt(tf.add(tf.mean(tf.square(input as Tensor), -1, true), epsilon));
    const value = tf.mul(input as Tensor, inverse);
    save([value, inverse]);
    return {
      value,
      // With y = x r: dx = r (dy - y mean(dy y)).
      gradient: (dy, [y, r]) => [tf.mul(tf.sub(dy, tf.mul(y as Tensor, tf.mean(tf.mul(dy, y as Tensor), -1, true))), r as Tensor)],
    };
  }, [x]);
}

/** adaLN: RMS(x) (1 + scale) + shift. x: [B, n, h]; shift, scale: [B, 1, h]. */
export function modulatedNorm(x: Tensor, shift: Tensor, scale: Tensor): Tensor {
  return tf.add(tf.mul(rmsNorm(x, NORM_EPSILON), tf.add(scale, 1)), shift);
}

const GELU_SLOPE = Math.sqrt(2 / Math.PI);
const GELU_CUBE = 0.044715;

/** The tanh form of GELU: 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))). */
export function gelu(x: Tensor): Tensor {
  return withGradient(([input], save) => {
    const z = input as Tensor;
    const tanh = tf.tanh(tf.mul(z, tf.add(tf.mul(tf.square(z), GELU_SLOPE * GELU_CUBE), GELU_SLOPE)));
    save([z, tanh]);
    return {
      value: tf.mul(tf.mul(z, 0.5), tf.add(tanh, 1)),
      gradient: (dy, saved) => {
        const [v, th] = saved as [Tensor, Tensor];
        const slope = tf.add(tf.mul(tf.square(v), 3 * GELU_SLOPE * GELU_CUBE), GELU_SLOPE);
        const curve = tf.mul(tf.mul(v, slope), tf.sub(1, tf.square(th)));
        return [tf.mul(dy, tf.mul(tf.add(tf.add(th, 1), curve), 0.5))];
      },
    };
  }, [x]);
}

export const silu = (x: Tensor): Tensor => tf.mul(x, tf.sigmoid(x));
