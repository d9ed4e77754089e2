import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import * as z from 'zod';
import { StorageError, type Storage } from '../storage/storage.ts';
import { ExitError, wrongConfiguration } from '../cli/exit.ts';
import { CheckpointError } from './error.ts';
import { attemptPath, claimPath, claimedAttempt, OWNER, placeOf, MANIFEST } from './paths.ts';

/** Whose prefix this is. `base` shifts the numbers of attempts: a training that was deleted and applied again counts
 *  from 1 again, but what it writes must come after everything that its former self wrote. */
const Owner = z.object({
  uid: z.string().min(1).max(128), namespace: z.string().max(253), name: z.string().max(253), base: z.int().min(0).default(0),
});
type Owner = z.infer<typeof Owner>;

const LIMIT = 1 << 16;
const encode = (value: unknown): Uint8Array => new TextEncoder().encode(`${JSON.stringify(value)}\n`);

export interface Identity {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  /** The operator's attempt, from 1. */
  readonly attempt: number;
}

/** The right to write below attempts/N until somebody claims a higher N. */
export interface Claim {
  /** N: the operator's attempt plus what former trainings of this name have used. */
  readonly attempt: number;
  /** True if a former training of the same name, since deleted, wrote to this prefix. */
  readonly inherited: boolean;
  /** Throws CheckpointError Fenced if a newer attempt has claimed the prefix. Look before each manifest. */
  check(): Promise<void>;
}

/** Claims attempts/N for this process, once and for all. Throws ExitError: 64 if the prefix belongs to another training,
 *  75 if another process holds this attempt or a newer one (a double that was thought dead: whoever came first goes on). */
export async function claimAttempt(storage: Storage, identity: Identity): Promise<Claim> {
  const owner = await ownPrefix(storage, identity);
  const attempt = owner.base + identity.attempt;
  const newest = await newestClaim(storage);
  if (newest > attempt) {
    throw new ExitError('Stopped', 'Fenced', `Cannot start attempt ${attempt} of "${identity.name}": attempt ${newest} holds "${storage.uri}" already. Nothing is to be done: the newer attempt goes on`);
  }
  const nonce = randomUUID();
  const claim = { uid: identity.uid, host: hostname(), pid: process.pid, nonce, time: new Date().toISOString() };
  if (!await storage.createIfAbsent(claimPath(attempt), encode(claim)) && !await isOurs(storage, attempt, nonce)) {
    throw new ExitError('Stopped', 'ClaimTaken', `Cannot start attempt ${attempt} of "${identity.name}": another process has claimed it in "${storage.uri}/${claimPath(attempt)}". Nothing is to be done: the next attempt starts by itself`);
  }
  return {
    attempt,
    inherited: owner.base > 0,
    check: async () => {
      const now = await newestClaim(storage);
      if (now > attempt) throw new CheckpointError('Fenced', `Attempt ${attempt} must not write any more: attempt ${now} has claimed "${storage.uri}". Nothing is to be done: the newer attempt goes on`);
    },
  };
}

/** A lost answer to our own creation is no refusal (an object store may retry a request that had succeeded). */
async function isOurs(storage: Storage, attempt: number, nonce: string): Promise<boolean> {
  const text = new TextDecoder().decode(await storage.read(claimPath(attempt), { limitBytes: LIMIT }));
  return text.includes(`"nonce":"${nonce}"`);
}

/** Highest claimed attempt, 0 if none. */
export async function newestClaim(storage: Storage): Promise<number> {
  const files = await storage.list('attempts');
  return Math.max(0, ...files.map((file) => claimedAttempt(file.path) ?? 0));
}

/** Makes the prefix this training's, or refuses. */
async function ownPrefix(storage: Storage, identity: Identity): Promise<Owner> {
  const { uid, namespace, name } = identity;
  const mine: Owner = { uid, namespace, name, base: 0 };
  if (!await storage.exists(OWNER)) {
    const [stray] = (await storage.list('attempts')).map((file) => placeOf(file.path)).filter((place) => place?.name === MANIFEST);
    if (stray !== undefined) {
      throw wrongConfiguration('PrefixTaken', `Cannot write to "${storage.uri}": it holds checkpoints ("${stray.path}") but no ${OWNER} that says whose. Set spec.storage.uri to an empty prefix`);
    }
    if (await storage.createIfAbsent(OWNER, encode(mine))) return mine;
  }
  const found = await readOwner(storage);
  if (found.namespace !== namespace || found.name !== name) {
    throw wrongConfiguration('PrefixTaken', `Cannot write to "${storage.uri}": it belongs to the training "${found.namespace}/${found.name}". Set spec.storage.uri to a prefix of its own`);
  }
  if (found.uid === uid) return found;
  // Deleted and applied again: a new training of the same name goes on with the old one's checkpoints.
  const heir: Owner = { ...mine, base: Math.max(await newestClaim(storage), await newestAttempt(storage)) };
  await storage.write(OWNER, encode(heir));
  return heir;
}

async function newestAttempt(storage: Storage): Promise<number> {
  const numbers = (await storage.list('attempts')).map((file) => Number(/^attempts\/([1-9]\d{0,8})\//.exec(file.path)?.[1] ?? 0));
  return Math.max(0, ...numbers);
}

async function readOwner(storage: Storage): Promise<Owner> {
  try {
    return Owner.parse(JSON.parse(new TextDecoder().decode(await storage.read(OWNER, { limitBytes: LIMIT }))));
  } catch (cause) {
    if (cause instanceof StorageError && cause.code !== 'TooLarge') throw cause;
    throw wrongConfiguration('BadOwner', `Cannot write to "${storage.uri}": its ${OWNER} does not say whose it is. Set spec.storage.uri to an empty prefix, or remove ${OWNER} together with everything beside it`, cause);
  }
}

/** Prefix of this attempt. */
export const attemptStorage = (storage: Storage, claim: Claim): Storage => storage.at(attemptPath(claim.attempt));
