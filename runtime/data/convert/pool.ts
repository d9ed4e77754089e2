import { Worker } from 'node:worker_threads';
import type { Answer, Job, Outcome, WorkerSettings } from './job.ts';

/** Jobs at a thread: while one picture is shaped, the next is read and decoded. */
const JOBS_EACH = 2;
interface Waiting<T> { readonly resolve: (value: T) => void; readonly reject: (error: Error) => void }

/** Threads that convert. They take no more than they can work on: what is in memory does not grow with the data set. */
export class Pool implements AsyncDisposable {
  readonly #workers = new Set<Worker>();
  /** A thread for each job it could take now. */
  readonly #free: Worker[] = [];
  readonly #queue: Waiting<Worker>[] = [];
  readonly #atWork = new Map<number, Waiting<Outcome>>();
  #lost: Error | undefined;

  /** Returns when all threads are ready. */
  static async start(settings: WorkerSettings, count: number): Promise<Pool> {
    const pool = new Pool();
    try {
      await Promise.all(Array.from({ length: count }, () => pool.#add(settings)));
    } catch (error) {
      await pool[Symbol.asyncDispose]();
      throw error;
    }
    return pool;
  }

  #add(settings: WorkerSettings): Promise<void> {
    const worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData: settings, execArgv: [] });
    this.#workers.add(worker);
    return new Promise((resolve, reject) => {
      worker.on('error', (error: Error) => { reject(error); this.#lose(error); });
      worker.on('exit', () => { this.#workers.delete(worker); this.#lose(new Error('A thread that converts pictures has ended')); });
      worker.on('message', (message: 'ready' | Answer) => {
        if (message === 'ready') {
          for (let i = 0; i < JOBS_EACH; i++) this.#give(worker);
          resolve();
        } else {
          this.#give(worker);
          this.#atWork.get(message.index)?.resolve(message.outcome);
          this.#atWork.delete(message.index);
        }
      });
    });
  }

  #give(worker: Worker): void {
    const next = this.#queue.shift();
    if (next === undefined) this.#free.push(worker);
    else next.resolve(worker);
  }

  #lose(error: Error): void {
    this.#lost ??= error;
    for (const { reject } of [...this.#queue, ...this.#atWork.values()]) reject(error);
  }

  /** Waits until a thread can take the job. The inner promise is the job's outcome. */
  async submit(job: Job): Promise<{ readonly outcome: Promise<Outcome> }> {
    if (this.#lost !== undefined) throw this.#lost;
    const worker = this.#free.pop() ?? await new Promise<Worker>((resolve, reject) => { this.#queue.push({ resolve, reject }); });
    const outcome = new Promise<Outcome>((resolve, reject) => { this.#atWork.set(job.index, { resolve, reject }); });
    worker.postMessage(job);
    return { outcome };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // They end by themselves when what they do is done: tearing a thread down amid a native call can hang.
    await Promise.all([...this.#workers].map((worker) => new Promise<void>((resolve) => {
      worker.removeAllListeners('exit');
      worker.once('exit', () => { resolve(); });
      worker.postMessage('end');
    })));
  }
}
