/** A process that can be frozen (SIGSTOP, a paused virtual machine): its timers do not fire and its answers do not arrive, while time goes on.
 *  It freezes between two turns of its event loop. */
import type { Clock } from '../clock.ts';
import type { Transport } from '../api/transport.ts';

export class Freezer {
  #thaw: (() => void) | undefined;
  #thawed: Promise<void> = Promise.resolve();

  freeze(): void {
    if (this.#thaw !== undefined) return;
    this.#thawed = new Promise((resolve) => { this.#thaw = resolve; });
  }

  thaw(): void {
    this.#thaw?.();
    this.#thaw = undefined;
  }

  /** The clock as the process sees it. */
  clock(clock: Clock): Clock {
    return {
      now: () => clock.now(),
      monotonic: () => clock.monotonic(),
      after: (milliseconds, callback) => {
        let cancelled = false;
        const cancel = clock.after(milliseconds, () => {
          if (this.#thaw === undefined) callback();
          else void this.#thawed.then(() => { if (!cancelled) callback(); });
        });
        return () => {
          cancelled = true;
          cancel();
        };
      },
    };
  }

  /** The network as the process sees it: what was sent before the freeze is carried out, the answer waits. */
  transport(transport: Transport): Transport {
    return {
      host: transport.host,
      send: async (request) => {
        const response = await transport.send(request);
        await this.#thawed;
        return response;
      },
      renewCredentials: () => transport.renewCredentials(),
      close: () => transport.close(),
    };
  }
}
