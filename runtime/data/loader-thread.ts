/** The loader's own thread: reads, converts, and keeps as many batches ahead as it was allowed. */
import { workerData, type MessagePort } from 'node:worker_threads';
import { openStorage } from '../storage/open.ts';
import { BatchReader, type LoaderOptions, type Taken } from './batches.ts';
import type { DatasetIndex } from './dataset.ts';

export interface ThreadData {
  readonly uri: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly index: DatasetIndex;
  readonly options: LoaderOptions;
  readonly ahead: number;
  readonly port: MessagePort;
}
/** To the loader. An error is sent as its parts: of a class of our own, only the message would arrive. */
export type FromThread = { readonly taken: Taken } | { readonly opened: true } | { readonly error: { readonly name: string; readonly code?: string; readonly message: string; readonly stack?: string } };

const { uri, environment, index, options, ahead, port } = workerData as ThreadData;
let allowed = ahead;
let wake = (): void => undefined;
// Every message says that one batch was taken.
port.on('message', () => { allowed++; wake(); });

try {
  const reader = await BatchReader.open({ storage: openStorage(uri, environment), index }, options);
  port.postMessage({ opened: true } satisfies FromThread);
  for (;;) {
    while (allowed === 0) await new Promise<void>((resolve) => { wake = resolve; });
    allowed--;
    const taken = await reader.next();
    const { latents, labels, cls, features } = taken.batch;
    port.postMessage({ taken } satisfies FromThread, [latents, labels, cls, features].flatMap((array) => (array === undefined ? [] : [array.buffer as ArrayBuffer])));
  }
} catch (error) {
  const { name, message, stack, code } = error as Error & { code?: unknown };
  port.postMessage({ error: { name, message, ...(stack !== undefined && { stack }), ...(typeof code === 'string' && { code }) } } satisfies FromThread);
}
