import { matMul, type Tensor2D } from '@tensorflow/tfjs-core';
import type { CompiledFunction, Engine } from '../engine/types.ts';
import type { Product } from './precision-recall.ts';
import { EvaluateError, type Rows } from './rows.ts';

/** a bᵀ of feature blocks on the engine's device, in float32. Blocks have at most `block` rows (shorter ones are filled
 *  up with zeros: one compiled function serves all). */
export function deviceProduct(engine: Engine, block: number, columns: number): { readonly product: Product } & Disposable {
  const multiply: CompiledFunction = engine.compile('feature-products', ({ a, b }) => ({ dots: matMul(a as Tensor2D, b as Tensor2D, false, true) }), {
    args: { a: { dtype: 'float32', shape: [block, columns] }, b: { dtype: 'float32', shape: [block, columns] } },
  });
  const filled = (rows: Rows): Float32Array => {
    if (rows.rows > block || rows.columns !== columns) {
      throw new EvaluateError('BadFeatures', `Cannot multiply [${rows.rows}, ${rows.columns}] on the device: the function takes at most ${block} rows of ${columns}. Pass smaller blocks`);
    }
    const out = new Float32Array(block * columns);
    out.set(rows.data);
    return out;
  };
  return {
    async product(a, b) {
      const { dots } = await multiply.call({ a: filled(a), b: filled(b) });
      if (dots === undefined) throw new TypeError('The compiled product gave no result');
      using held = dots;
      const all = held.data() as Float32Array;
      if (b.rows === block) return all;
      const out = new Float32Array(a.rows * b.rows);
      for (let i = 0; i < a.rows; i++) out.set(all.subarray(i * block, i * block + b.rows), i * b.rows);
      return out;
    },
    [Symbol.dispose]() { multiply[Symbol.dispose](); },
  };
}
