import { availableParallelism } from 'node:os';
import type { Body, CompileSpecs, DType, Engine, EngineOptions, Gang, GangOptions, HostData, Shape } from './types.ts';
import { compile } from './compile.ts';
import { runEagerly } from './eager.ts';
import { joinGang } from './gang.ts';
import { startRuntime } from './runtime.ts';
import { makeTensor } from './tensor.ts';
import { ResourceVariable } from './variable.ts';

/** Starts TensorFlow in this process. Its context lives as long as the process; start one engine. */
export function startEngine(options: EngineOptions = {}): Engine {
  const runtime = startRuntime(options.threads ?? availableParallelism(), options.device ?? 'auto');
  return {
    device: runtime.device,
    tensorflowVersion: runtime.addon.version(),
    live: runtime.live,
    tensor: (data: HostData, shape: Shape, dtype?: DType) => makeTensor(runtime, data, shape, dtype),
    variable: (name: string, value: HostData, shape: Shape, dtype?: DType) => new ResourceVariable(runtime, name, value, shape, dtype),
    compile: (name: string, body: Body, specs: CompileSpecs) => compile(runtime, name, body, specs),
    eager: (name: string, body: Body, specs: CompileSpecs) => runEagerly(runtime, name, body, specs),
    joinGang: (gang: GangOptions): Promise<Gang> => joinGang(runtime, gang),
  };
}
