/** A queue that one reader iterates: what the bodies of the fake server are made of. */

export class Stream<T> implements AsyncIterable<T> {
  readonly #items: T[] = [];
  #ended = false;
  #error: Error | undefined;
  #wake: (() => void) | undefined;
  readonly #onClosed: () => void;

  /** `onClosed` is called once, when it ends or its reader leaves. */
  constructor(onClosed: () => void = () => undefined) {
    this.#onClosed = onClosed;
  }

  push(item: T): void {
    if (this.#ended) return;
    this.#items.push(item);
    this.#wake?.();
  }

  /** No more items; those that were pushed are still read. */
  end(error?: Error): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = error;
    this.#wake?.();
    this.#onClosed();
  }

  async* [Symbol.asyncIterator](): AsyncGenerator<T> {
    try {
      while (true) {
        while (this.#items.length > 0) yield this.#items.shift() as T;
        if (this.#ended) {
          if (this.#error !== undefined) throw this.#error;
          return;
        }
        await new Promise<void>((resolve) => { this.#wake = resolve; });
        this.#wake = undefined;
      }
    } finally {
      this.end();
    }
  }
}

/** Reads until the signal is aborted, then throws its reason; the source is told that nobody reads any more. */
export async function* abortable<T>(source: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T> {
  const iterator = source[Symbol.asyncIterator]();
  let abort = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    abort = () => { reject(signal.reason instanceof Error ? signal.reason : new Error('Aborted')); };
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
  });
  aborted.catch(() => undefined);
  try {
    while (true) {
      const next = await Promise.race([iterator.next(), aborted]);
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    signal.removeEventListener('abort', abort);
    // A generator that waits does not take a return(): nobody must wait for it here.
    void iterator.return?.();
  }
}
