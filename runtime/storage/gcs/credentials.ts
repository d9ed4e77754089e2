import type { Storage as Client } from '@google-cloud/storage';
import { CLOCK, type Clock } from './patience.ts';

/** No credentials were found, or they give no token. */
export class NoCredentials extends Error { override readonly name = 'NoCredentials'; }

/** Application default credentials: GOOGLE_APPLICATION_CREDENTIALS, those of gcloud, workload identity of other clouds, and in a pod of GKE
 *  the metadata server. Google's library finds and renews them; it is loaded at the first request. */
export class Credentials {
  readonly #clock: Clock;
  #client: Promise<Client['authClient']> | undefined;

  constructor(clock: Clock = CLOCK) { this.#clock = clock; }

  async headers(url: URL): Promise<Record<string, string>> {
    // The metadata server of a pod that has just started needs some seconds until it answers (GKE, "Workload Identity limitations").
    const until = this.#clock.now() + (process.env['KUBERNETES_SERVICE_HOST'] === undefined ? 0 : 30_000);
    while (true) {
      try {
        // Objects belong to no project; without a name the library would run gcloud to look for one, which takes seconds.
        this.#client ??= import('@google-cloud/storage').then(({ Storage }) => new Storage({ projectId: 'none' }).authClient);
        return Object.fromEntries((await (await this.#client).getRequestHeaders(url.href)).entries());
      } catch (cause) {
        this.forget();
        if (this.#clock.now() >= until) throw new NoCredentials((cause as Error).message, { cause });
        await this.#clock.sleep(1000);
      }
    }
  }

  /** The token was refused: get a new one. */
  forget(): void { this.#client = undefined; }
}
