/** Kopf's way: handlers for what becomes of an object. A Bucket of this example is a folder, so that it can be tried without a cloud. */
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Operator, PermanentError, TemporaryError, handlers, resource, runProcess, type KubeObject } from 'kopf-ts';

type Bucket = KubeObject & { spec: { folder: string; keep?: boolean }; status?: { files?: number } };
const buckets = resource<Bucket>('example.dev/v1', 'Bucket', 'buckets');
const root = process.env.BUCKETS ?? '/tmp/buckets';
const path = ({ spec }: Bucket): string => join(root, spec.folder);

const operator = await Operator.connect({ name: 'buckets' });
handlers(operator, buckets)
  .create(async ({ object, log }) => {
    // Trying again helps nobody: the user has to change the spec.
    if (!/^[a-z0-9-]+$/.test(object.spec.folder)) throw new PermanentError(`"${object.spec.folder}" is no name of a folder. Use a-z, 0-9 and "-"`);
    await mkdir(path(object), { recursive: true });
    log.info('Made', { folder: object.spec.folder });
  })
  .field('spec.folder', async ({ was }) => {
    if (was !== undefined) throw new PermanentError('A bucket cannot move: delete it and make another');
  })
  .timer({ every: 60_000 }, async ({ object, write }) => {
    await write.applyStatus(buckets, object, { files: (await readdir(path(object))).length });
  })
  // Only what lies outside of the cluster needs a finalizer.
  .delete(async ({ object }) => {
    if (object.spec.keep === true) return;
    if ((await readdir(path(object))).length > 0) throw new TemporaryError(`"${object.spec.folder}" is not empty`, { delay: 10_000 });
    await rm(path(object), { recursive: true });
  }, { finalizer: 'buckets.example.dev/folder', giveUpAfter: 3_600_000 });
await runProcess(operator);
