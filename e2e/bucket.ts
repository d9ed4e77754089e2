/** A bucket that pods write to: a real fake-gcs-server on this machine, behind a proxy at the address that pods reach. */
import { FaultProxy } from '@srdit/runtime/storage/testing/fault-proxy.ts';
import { openStorage } from '@srdit/runtime/storage/open.ts';
import type { Storage } from '@srdit/runtime/storage/storage.ts';
import type { World } from './scenario.ts';

export class Bucket implements AsyncDisposable {
  readonly name: string;
  /** What can go wrong on the way to it. */
  readonly proxy: FaultProxy;
  readonly #url: string;

  private constructor(name: string, proxy: FaultProxy, url: string) {
    this.name = name;
    this.proxy = proxy;
    this.#url = url;
  }

  /** An empty bucket with the name of the scenario's namespace; needs `bucket`. */
  static async create({ cluster, namespace, run: { emulator } }: World): Promise<Bucket> {
    await emulator.createBucket(namespace);
    return new Bucket(namespace, await FaultProxy.start(emulator.url, cluster.outside), emulator.url);
  }

  uri(path: string): string { return `gs://${this.name}/${path}`; }

  /** For spec.pod.env. */
  get env(): { name: string; value: string }[] { return [{ name: 'STORAGE_EMULATOR_HOST', value: this.proxy.url }]; }

  /** What lies at a uri of the bucket, past the proxy: whatever goes wrong there, this does not. */
  open(uri: string): Storage { return openStorage(uri, { STORAGE_EMULATOR_HOST: this.#url }); }

  [Symbol.asyncDispose](): Promise<void> { return this.proxy[Symbol.asyncDispose](); }
}
