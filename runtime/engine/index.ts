/** The only door to TensorFlow. Importing it loads tfjs-node and makes its eager backend the current one. */
import './tfjs.ts';

export { startEngine } from './engine.ts';
export { EngineError, PeerLostError, type EngineErrorCode } from './errors.ts';
export { randomNormal, randomUniform } from './random.ts';
export type * from './types.ts';
