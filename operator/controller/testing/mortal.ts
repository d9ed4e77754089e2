/** A process that can be killed (SIGKILL): from then on it sends nothing, hears nothing, and none of its timers fires. */
import type { Clock, Transport } from 'kopf-ts';

const never = <T>(): Promise<T> => new Promise(() => undefined);

export class Mortal {
  readonly clock: Clock;
  readonly transport: Transport;
  readonly #death = new AbortController();
  #writes = 0;
  #last: { readonly write: number; readonly carriedOut: boolean } | undefined;

  constructor(clock: Clock, transport: Transport) {
    const death = this.#death.signal;
    this.clock = {
      now: () => clock.now(),
      monotonic: () => clock.monotonic(),
      after: (milliseconds, callback) => clock.after(milliseconds, () => { if (!death.aborted) callback(); }),
    };
    this.transport = {
      host: transport.host,
      send: async (request) => {
        if (death.aborted) return never();
        const write = request.method !== 'GET';
        if (write) this.#writes += 1;
        const last = write && this.#last?.write === this.#writes ? this.#last : undefined;
        if (last?.carriedOut === false) this.kill();
        if (death.aborted) return never();
        const alive = AbortSignal.any([request.signal, death]);
        const response = await transport.send({ ...request, signal: alive }).catch((error: unknown) => { if (death.aborted) return never<never>(); throw error; });
        if (last !== undefined) this.kill();
        if (death.aborted) return never();
        return {
          ...response,
          bytes: () => response.bytes().catch((error: unknown) => { if (death.aborted) return never<Buffer>(); throw error; }),
          chunks: () => untilDeath(response.chunks(), death),
        };
      },
      renewCredentials: () => transport.renewCredentials(),
      close: () => transport.close(),
    };
  }

  get dead(): boolean { return this.#death.signal.aborted; }
  /** Writes that were sent. */
  get writes(): number { return this.#writes; }

  kill(): void { this.#death.abort(new Error('Killed')); }

  /** Dies at the write with that number, counted from 1: before the server hears of it, or after it was carried out. */
  killAt(write: number, carriedOut: boolean): void { this.#last = { write, carriedOut }; }
}

async function* untilDeath(chunks: AsyncIterable<Uint8Array>, death: AbortSignal): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of chunks) {
      if (death.aborted) await never();
      yield chunk;
    }
  } catch (error) {
    if (death.aborted) await never();
    throw error;
  }
  if (death.aborted) await never();
}
