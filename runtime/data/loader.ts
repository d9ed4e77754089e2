import { MessageChannel, receiveMessageOnPort, Worker, type MessagePort } from 'node:worker_threads';
import type { LoaderOptions, Taken } from './batches.ts';
import type { Dataset } from './dataset.ts';
import { DataError, type DataErrorCode } from './error.ts';
import { StorageError, type StorageErrorCode } from '../storage/storage.ts';
import type { FromThread, ThreadData } from './loader-thread.ts';

export type { LoaderOptions, Taken } from './batches.ts';

/** Batches ready before they are asked for: one for the step to come, one for a step that takes less than reading. */
const AHEAD = 3;

/** Batches of one rank, in order and without end. */
export interface Loader extends AsyncDisposable {
  /** The next batch. Throws DataError; the batches before it are still handed out. */
  next(): Promise<Taken>;
  /** Seconds that next() has been waited for so far. */
  readonly waitedSeconds: number;
}

/** Opens a loader: shards are verified and labels read before it resolves, then a thread of its own reads ahead.
 *  environment: how that thread finds file:///, like the one that opened the data set's storage.
 *  Throws DataError. */
export async function openLoader(dataset: Dataset, options: LoaderOptions, environment: Readonly<Record<string, string | undefined>> = process.env): Promise<Loader> {
  const loader = new ThreadLoader(dataset, options, environment);
  try {
    await loader.opened();
    return loader;
  } catch (error) {
    await loader[Symbol.asyncDispose]();
    throw error;
  }
}

class ThreadLoader implements Loader {
  readonly #thread: Worker;
  readonly #port: MessagePort;
  readonly #arrived: FromThread[] = [];
  #wake: (() => void) | undefined;
  #waited = 0;

  constructor({ storage, index }: Dataset, options: LoaderOptions, environment: Readonly<Record<string, string | undefined>>) {
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    // Text alone crosses to a thread, and no more than finding storage takes.
    const plain = Object.fromEntries(Object.entries(environment).filter((entry) => entry[1] !== undefined));
    const data: ThreadData = { uri: storage.uri, environment: plain, index, options, ahead: AHEAD, port: port2 };
    this.#thread = new Worker(new URL('./loader-thread.ts', import.meta.url), { workerData: data, transferList: [port2], name: 'srdit-loader' });
    port1.on('message', (message: FromThread) => { this.#arrive(message); });
    this.#thread.on('error', ({ name, message, stack }: Error) => { this.#arrive({ error: { name, message, ...(stack !== undefined && { stack }) } }); });
    this.#thread.on('exit', (code) => { this.#arrive({ error: { name: 'Error', message: `The loader's thread ended with code ${code}` } }); });
    // A loader that nobody waits for does not keep a process alive.
    this.#thread.unref();
    port1.unref();
  }

  get waitedSeconds(): number { return this.#waited; }

  async opened(): Promise<void> {
    await this.#message();
    const [first] = this.#arrived;
    if (first !== undefined && 'error' in first) throw errorOf(first.error);
    this.#arrived.shift();
  }

  async next(): Promise<Taken> {
    const started = performance.now();
    // What came while the thread of the program was busy lies in the port, not yet here.
    for (let more = this.#look(); more; more = this.#look());
    if (this.#arrived.length === 0) {
      await this.#message();
      this.#waited += (performance.now() - started) / 1000;
    }
    const [message] = this.#arrived;
    if (message === undefined || 'opened' in message) throw new Error('The loader answered out of turn');
    if ('error' in message) throw errorOf(message.error); // it stays: the next call gets it again
    this.#arrived.shift();
    this.#port.postMessage('taken');
    return message.taken;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#port.close();
    await this.#thread.terminate();
  }

  #look(): boolean {
    const received = receiveMessageOnPort(this.#port) as { message: FromThread } | undefined;
    if (received === undefined) return false;
    this.#arrive(received.message);
    return true;
  }

  async #message(): Promise<void> {
    if (this.#arrived.length > 0) return;
    this.#port.ref();
    try {
      await new Promise<void>((resolve) => { this.#wake = resolve; });
    } finally {
      this.#port.unref();
    }
  }

  #arrive(message: FromThread): void {
    this.#arrived.push(message);
    this.#wake?.();
    this.#wake = undefined;
  }
}

function errorOf({ name, message, code, stack }: Extract<FromThread, { error: unknown }>['error']): Error {
  const error = name === 'DataError' ? new DataError(code as DataErrorCode, message)
    : name === 'StorageError' ? new StorageError(code as StorageErrorCode, message)
    : new Error(message);
  if (stack !== undefined) error.stack = stack;
  return error;
}
