import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ExitCode, RunConfig, TrainingSpec } from '@srdit/crds';
import { knownCheckpoints } from '../checkpoint/list.ts';
import { openStorage } from '../storage/open.ts';
import { BUCKET, emulatorForTests } from '../storage/testing/backends.ts';
import { FaultProxy, type Fault } from '../storage/testing/fault-proxy.ts';
import { packTestData } from './testing/data.ts';
import { startWorker, type Ended, type Worker } from './testing/worker.ts';

const { emulator, skip } = await emulatorForTests();
const root = await mkdtemp(join(tmpdir(), 'srdit-bucket-'));
after(() => rm(root, { recursive: true, force: true }));
await packTestData(join(root, 'data'));

const configOf = (name: string, attempt: number, runs: string, data: string): RunConfig => RunConfig.parse({
  kind: 'SRDiTTraining', namespace: 'default', name, uid: `uid-${name}`, generation: 1, attempt,
  spec: TrainingSpec.parse({
    seed: 3, model: { size: { depth: 4, hiddenSize: 32, heads: 2, patchSize: 1 }, numClasses: 3, classToken: false }, objective: { alignment: { enabled: false } },
    data: { uri: data, teacherFeatures: false }, batchSize: 8, steps: 24, precision: 'float32', storage: { uri: `${runs}/${name}` },
    optimizer: { learningRate: 1e-3, warmupSteps: 2 }, checkpoints: { everySteps: 4, keep: 3 }, metrics: { everySteps: 2 }, samples: { everySteps: 0 },
    gang: { workers: 1, ranksPerWorker: 1, gpu: { perRank: 0 } },
  }),
});

interface Bucket extends AsyncDisposable { readonly proxy: FaultProxy; start(name: string, attempt: number, bucket?: string): Promise<Worker> }
/** The data set in a bucket, and a faulty network before it. */
async function bucket(): Promise<Bucket> {
  const { url } = await emulator();
  const from = openStorage('file:///data', { SRDIT_FILE_ROOT: root });
  const to = openStorage(`gs://${BUCKET}/data`, { STORAGE_EMULATOR_HOST: url });
  for (const { path } of await from.list('')) await to.write(path, from.readStream(path));
  const proxy = await FaultProxy.start(url);
  return {
    proxy, start: (name, attempt, of = BUCKET) => startWorker(configOf(name, attempt, `gs://${of}/runs`, `gs://${of}/data`), root, { STORAGE_EMULATOR_HOST: proxy.url }),
    [Symbol.asyncDispose]: () => proxy[Symbol.asyncDispose](),
  };
}
const digests = async (uri: string, environment: Record<string, string>): Promise<string[]> => {
  const [newest] = await knownCheckpoints(openStorage(uri, environment), (error) => { throw error; });
  return newest?.manifest.files.map((file) => `${newest.step} ${file.name} ${file.sha256}`) ?? [];
};

test('a training on a bucket, through faults, an outage and a kill, ends with the bits of one on a disk', { skip }, async () => {
  const plain = await (await startWorker(configOf('plain', 1, 'file:///runs', 'file:///data'), root)).done;
  assert.equal(plain.exitCode, ExitCode.Done, plain.output);

  await using place = await bucket();
  const kinds: Fault[] = [{ kind: 'status', status: 503 }, { kind: 'reset' }, { kind: 'reset', done: true }, { kind: 'cut', bytes: 500, by: 'reset' }];
  place.proxy.fault = ({ index }) => index % 5 === 4 ? kinds[(index / 5 | 0) % kinds.length] : undefined;
  const first = await place.start('storm', 1);
  const manifest = (): boolean => place.proxy.seen.filter(({ query }) => query.get('name')?.endsWith('manifest.json')).length > 0;
  for (const end = Date.now() + 240_000; !manifest(); await sleep(20)) assert.ok(Date.now() < end, first.output());
  await place.proxy.down();
  await sleep(3000);
  await place.proxy.up();
  first.process.kill('SIGKILL');
  await first.done.catch(() => undefined); // killed, it leaves no last word
  const second = await (await place.start('storm', 2)).done;
  assert.equal(second.exitCode, ExitCode.Done, second.output);
  const environment = { SRDIT_FILE_ROOT: root, STORAGE_EMULATOR_HOST: (await emulator()).url };
  const want = await digests('file:///runs/plain', environment);
  assert.equal(want.length, 3);
  assert.deepEqual(await digests(`gs://${BUCKET}/runs/storm`, environment), want);
});

const wrong: Record<string, { start: (place: Bucket) => Promise<Worker>; reason: string; message: RegExp }> = {
  'a bucket that does not exist': { start: (place) => place.start('none', 1, 'srdit-none'), reason: 'NoBucket', message: /there is no bucket "srdit-none"\. Create it, or correct its name/ },
  'missing rights': {
    start: (place) => {
      place.proxy.fault = ({ method }) => method === 'POST' ? { kind: 'status', status: 403, body: '{"error":{"message":"no storage.objects.create access"}}' } : undefined;
      return place.start('denied', 1);
    },
    reason: 'Denied', message: /Cannot write "gs:\/\/srdit-test\/runs\/denied\/owner\.json": the bucket refuses it \(403 "no storage\.objects\.create access"\)\. Give/,
  },
};
for (const [name, { start, reason, message }] of Object.entries(wrong)) {
  test(`${name}: exit code 64, with the sentence`, { skip }, async () => {
    await using place = await bucket();
    const ended: Ended = await (await start(place)).done;
    assert.deepEqual([ended.exitCode, ended.word.reason], [ExitCode.WrongConfiguration, reason], ended.output);
    assert.match(ended.word.message, message);
  });
}
