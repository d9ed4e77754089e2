/** A transport whose connections break: what a fake server does on demand, in front of a real one. */
import type { Random } from '../clock.ts';
import { sleep, systemClock } from '../clock.ts';
import { pick } from '../testing/index.ts';
import type { HttpResponse, Transport } from '../api/transport.ts';

/** Each request meets a fault with this probability; `stop` ends that. */
export function flaky(transport: Transport, random: Random, rate: number): Transport & { stop(): void } {
  let now = rate;
  return {
    host: transport.host,
    stop() { now = 0; },
    async send(request) {
      if (random() >= now) return transport.send(request);
      switch (pick(random, ['refuse', 'lose', 'cut', 'slow'] as const)) {
        case 'refuse':
          throw new Error('reset before it was sent');
        case 'lose': {
          const response = await transport.send(request);
          // A watch has no end to wait for.
          if (!request.path.includes('watch=true')) await response.bytes();
          throw new Error('reset after it was sent');
        }
        case 'cut':
          return cut(await transport.send(request));
        case 'slow':
          await sleep(systemClock, 200, request.signal);
          return transport.send(request);
      }
    },
    renewCredentials: () => transport.renewCredentials(),
    close: () => transport.close(),
  };
}

function cut(response: HttpResponse): HttpResponse {
  return {
    ...response,
    bytes: async () => {
      const bytes = await response.bytes();
      return bytes.subarray(0, bytes.length / 2);
    },
    async* chunks() {
      for await (const chunk of response.chunks()) {
        yield chunk.subarray(0, chunk.length / 2);
        return;
      }
    },
  };
}
