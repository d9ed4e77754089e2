/** Leader election by a Lease: of several replicas one writes, and one that cannot renew in time knows that it must not write any more. */
import type { Client } from '../api/client.ts';
import type { Clock } from '../clock.ts';
import { sleep } from '../clock.ts';
import { NotLeaderError, isAlreadyExists, isConflict } from '../api/errors.ts';
import type { Logger } from '../observe/log.ts';
import { microTime } from './micro-time.ts';
import { keyOf, refOf } from '../api/objects.ts';
import type { KubeObject } from '../api/objects.ts';
import type { WriteGuard } from '../api/request.ts';
import { resource } from '../api/resource.ts';
import { noRetries } from '../api/retry.ts';

/** coordination.k8s.io/v1 */
export interface Lease extends KubeObject {
  spec?: {
    holderIdentity?: string;
    leaseDurationSeconds?: number;
    acquireTime?: string;
    renewTime?: string;
    leaseTransitions?: number;
  };
}

export const leases = resource<Lease>('coordination.k8s.io/v1', 'Lease', 'leases');

export interface LeaseOptions {
  /** Must not be guarded: it is what the guard stands on. */
  readonly client: Client;
  readonly namespace: string;
  readonly name: string;
  /** Unique among the replicas: the pod's name and a random part. */
  readonly identity: string;
  readonly log: Logger;
  /** Milliseconds: others wait so long after the last renewal (default 15 s), we write so long after it (10 s), and try every so often (2 s). */
  readonly duration?: number;
  readonly renewDeadline?: number;
  readonly retryPeriod?: number;
}

export class LeaderLease {
  readonly #options: LeaseOptions;
  readonly #clock: Clock;
  readonly #duration: number;
  readonly #renewDeadline: number;
  readonly #retryPeriod: number;
  /** What the Lease said last, and when (by our own clock: those of other machines prove nothing) we saw it so for the first time. */
  #seen: { readonly lease: Lease; readonly at: number } | undefined;
  /** When the last successful renewal was sent, by both clocks: one stops while the machine sleeps, the other may be set back. */
  #renewed: { readonly monotonic: number; readonly now: number } | undefined;

  constructor(options: LeaseOptions) {
    const { duration = 15_000, renewDeadline = 10_000, retryPeriod = 2000 } = options;
    if (!(duration > renewDeadline && renewDeadline > retryPeriod && retryPeriod > 0)) {
      throw new RangeError(`Cannot elect a leader with duration ${duration} ms, renewDeadline ${renewDeadline} ms and retryPeriod ${retryPeriod} ms. Make each longer than the next`);
    }
    this.#options = options;
    this.#clock = options.client.clock;
    this.#duration = duration;
    this.#renewDeadline = renewDeadline;
    this.#retryPeriod = retryPeriod;
  }

  /** Whether we lead, as far as can be known at this moment. */
  get held(): boolean {
    return this.#sinceRenewal < this.#renewDeadline;
  }

  /** Lets writes through while we lead, and tells how long it is until somebody else may. What it cannot catch: a process that is frozen between this question
   *  and the system call that sends, within one turn of the event loop. A write that must not come twice needs a resourceVersion as well. */
  readonly guard: WriteGuard = {
    allowed: () => {
      const since = this.#sinceRenewal;
      if (since < this.#renewDeadline) return this.#duration - since;
      const { namespace, name, identity } = this.#options;
      throw new NotLeaderError(`Cannot write: "${identity}" has not renewed the lease "${namespace}/${name}" ${Number.isFinite(since) ? `for ${(since / 1000).toFixed(1)} s` : 'yet'}, so another one may lead. The write is left to it`);
    },
  };

  /** Resolves when we lead. Rejects with the signal's reason. */
  async acquire(signal: AbortSignal): Promise<void> {
    const { client, log, name } = this.#options;
    while (true) {
      try {
        if (await this.#attempt(signal)) return;
        log.debug('Another one leads', { lease: name, holder: this.#seen?.lease.spec?.holderIdentity });
      } catch (error) {
        signal.throwIfAborted();
        log.warn('Cannot read or write the lease', { lease: name, error });
      }
      await sleep(this.#clock, this.#retryPeriod * (1 + 0.2 * client.random()), signal);
    }
  }

  /** Renews until the signal is aborted (then it releases the lease) or the lease is lost: resolves with which of both. */
  async hold(signal: AbortSignal): Promise<'stopped' | 'lost'> {
    const { log, name } = this.#options;
    while (this.held) {
      try {
        await sleep(this.#clock, this.#retryPeriod, signal);
        if (!this.held || !(await this.#attempt(signal))) break;
      } catch (error) {
        if (signal.aborted) {
          await this.release();
          return 'stopped';
        }
        log.warn('Cannot renew the lease', { lease: name, error });
      }
    }
    this.#renewed = undefined;
    log.error('The lease is lost', { lease: name });
    return 'lost';
  }

  /** Lets the next one lead at once. We do not write any more, whether this succeeds or not. */
  async release(): Promise<void> {
    const lease = this.#seen?.lease;
    const held = this.held;
    this.#renewed = undefined;
    if (!held || lease === undefined) return;
    const { client, identity, log } = this.#options;
    const limits = { timeout: this.#retryPeriod, retries: noRetries };
    const free = async (held: Lease): Promise<void> => {
      const now = microTime(this.#clock.now());
      await client.replace(leases, { ...held, spec: { ...held.spec, holderIdentity: '', leaseDurationSeconds: 1, renewTime: now, acquireTime: now } }, limits);
    };
    try {
      try {
        await free(lease);
      } catch (error) {
        // A renewal was on its way when we were told to stop.
        const now = isConflict(error) ? await client.find(leases, refOf(keyOf(lease)), limits) : undefined;
        if (now === undefined || now.spec?.holderIdentity !== identity) throw error;
        await free(now);
      }
    } catch (error) {
      log.warn('Cannot release the lease: the next leader waits until it is over', { error });
    }
  }

  get #sinceRenewal(): number {
    if (this.#renewed === undefined) return Infinity;
    return Math.max(this.#clock.monotonic() - this.#renewed.monotonic, this.#clock.now() - this.#renewed.now);
  }

  /** One try to get or keep the lease: false when another one has it. */
  async #attempt(signal: AbortSignal): Promise<boolean> {
    const { client, namespace, name, identity } = this.#options;
    const limits = { signal, timeout: this.#renewDeadline / 2, retries: noRetries };
    // What others wait for begins when they see the renewal, which is after it was sent.
    const sent = { monotonic: this.#clock.monotonic(), now: this.#clock.now() };
    const ours = this.#seen?.lease.spec?.holderIdentity === identity;
    try {
      // While we hold it, the version that we wrote is the newest, or somebody has taken it.
      const lease = ours ? this.#seen?.lease : await client.find(leases, { namespace, name }, limits);
      if (lease !== undefined && !ours) this.#see(lease);
      if (lease !== undefined && !ours && !this.#over(lease)) return false;
      const spec = this.#renewal(lease);
      const written = lease === undefined
        ? await client.create(leases, { metadata: { namespace, name }, spec }, limits)
        : await client.replace(leases, { ...lease, spec }, limits);
      this.#see(written);
      this.#renewed = sent;
      return true;
    } catch (error) {
      if (!isConflict(error) && !isAlreadyExists(error)) throw error;
      // Somebody was faster, or our own write arrived though its answer did not: look again.
      const now = await client.find(leases, { namespace, name }, limits);
      if (now === undefined) return false;
      this.#see(now);
      if (now.spec?.holderIdentity !== identity) return false;
      const written = await client.replace(leases, { ...now, spec: this.#renewal(now) }, limits);
      this.#see(written);
      this.#renewed = sent;
      return true;
    }
  }

  #renewal(lease: Lease | undefined): NonNullable<Lease['spec']> {
    const { identity } = this.#options;
    const now = microTime(this.#clock.now());
    const before = lease?.spec ?? {};
    const same = before.holderIdentity === identity;
    return {
      ...before, holderIdentity: identity, leaseDurationSeconds: Math.ceil(this.#duration / 1000), renewTime: now,
      acquireTime: same && before.acquireTime !== undefined ? before.acquireTime : now,
      leaseTransitions: (before.leaseTransitions ?? 0) + (same || lease === undefined ? 0 : 1),
    };
  }

  #see(lease: Lease): void {
    if (this.#seen?.lease.metadata.resourceVersion === lease.metadata.resourceVersion) return;
    this.#seen = { lease, at: this.#clock.monotonic() };
  }

  /** Whether nobody holds it: released, or not renewed for its duration since we saw it change. */
  #over({ spec = {} }: Lease): boolean {
    const { holderIdentity = '', leaseDurationSeconds = this.#duration / 1000 } = spec;
    if (holderIdentity === '' || holderIdentity === this.#options.identity) return true;
    return this.#clock.monotonic() - (this.#seen?.at ?? Infinity) > leaseDurationSeconds * 1000;
  }
}
