/** A worker of one rank that keeps the whole contract of docs/contributing/architecture.md and learns nothing: it counts
 *  steps together with its peers. The executor's tests run it where TensorFlow would only be slow.
 *  SRDIT_TEST_STEP_MS is the time of a step, SRDIT_TEST_END="65@7" ends rank 0 with that code at that step. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { connect, createServer, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { RunConfig, type CheckpointRef, type LastWord } from '@srdit/crds';

const env = (name: string): string => process.env[name] ?? '';
if (env('SRDIT_PARENT_PIPE') === '1') process.stdin.once('end', () => process.exit(75)).resume();

const run = RunConfig.parse(JSON.parse(env('SRDIT_RUN')));
const rank = Number(env('SRDIT_WORKER'));
const addresses = env('SRDIT_ADDRESSES').split(',').map((address) => ({ host: address.split(':')[0] ?? '', port: Number(address.split(':')[1]) }));
const storage = join(env('SRDIT_FILE_ROOT'), run.spec.storage.uri.slice('file://'.length));
const of = run.kind === 'SRDiTTraining' ? run.spec.steps : run.spec.count;
const checkpoints: CheckpointRef[] = [];
let step = newestStep();
let stop = false;

function newestStep(): number {
  const attempts = join(storage, 'attempts');
  if (!existsSync(attempts)) return 0;
  return Math.max(0, ...readdirSync(attempts).flatMap((attempt) => {
    const folder = join(attempts, attempt, 'checkpoints');
    return existsSync(folder) ? readdirSync(folder).map(Number) : [];
  }));
}

function end(exitCode: number, reason: string, message: string, more: Partial<LastWord> = {}): never {
  const word: LastWord = { exitCode, reason, message, rank, step, ...(checkpoints[0] === undefined ? {} : { checkpoint: checkpoints[0] }), ...more };
  writeFileSync(env('SRDIT_TERMINATION_LOG'), JSON.stringify(word));
  process.stdout.write(`${message}\n`);
  process.exit(exitCode);
}

function checkpoint(): void {
  const path = `attempts/${run.attempt}/checkpoints/${String(step).padStart(9, '0')}`;
  if (rank === 0) {
    mkdirSync(join(storage, path), { recursive: true });
    writeFileSync(join(storage, path, 'manifest.json'), '{}');
  }
  checkpoints.unshift({ step, uri: `${run.spec.storage.uri}/${path}`, bytes: 2, digest: 'none' });
}

/** All-reduce of one bit over a star around rank 0: every rank says whether it wants to stop, and learns whether any does. */
async function joinPeers(): Promise<(want: boolean) => Promise<boolean>> {
  const lost = (peer: number) => (): never => end(76, 'PeerLost', `Lost rank ${peer}`, { lostRank: peer });
  const lines = (socket: Socket): (() => Promise<string>) => {
    const queue: string[] = [];
    let waiting: ((line: string) => void) | undefined;
    socket.setEncoding('utf8').on('data', (text) => {
      for (const letter of String(text)) { if (waiting !== undefined) { const go = waiting; waiting = undefined; go(letter); } else queue.push(letter); }
    });
    return () => new Promise((resolve) => { const first = queue.shift(); if (first !== undefined) resolve(first); else waiting = resolve; });
  };
  const own = addresses[rank] ?? { host: '', port: 0 };
  if (rank === 0) {
    const peers: { socket: Socket; read: () => Promise<string> }[] = [];
    await new Promise<void>((resolve) => {
      if (addresses.length === 1) resolve();
      createServer((socket) => {
        peers.push({ socket, read: lines(socket) });
        const who = peers.length;
        socket.on('error', () => {}).on('close', lost(who));
        if (peers.length === addresses.length - 1) resolve();
      }).listen(own.port, own.host);
    });
    return async (want) => {
      const said = await Promise.all(peers.map((peer) => peer.read()));
      const any = want || said.includes('1');
      for (const peer of peers) peer.socket.write(any ? '1' : '0');
      return any;
    };
  }
  const first = addresses[0] ?? own;
  for (;;) {
    const socket = connect(first.port, first.host);
    const joined = await new Promise<boolean>((resolve) => socket.once('connect', () => resolve(true)).once('error', () => resolve(false)));
    if (!joined) { await sleep(50); continue; }
    const read = lines(socket);
    socket.on('error', () => {}).on('close', lost(0));
    return async (want) => { socket.write(want ? '1' : '0'); return (await read()) === '1'; };
  }
}

let joined = false;
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => {
  // Before the gang has formed there is nobody to agree with.
  if (!joined) end(75, 'Stopped', 'Stopped before the gang had formed');
  stop = true;
});
if (rank === 0) {
  createHttpServer((_, response) => {
    response.end(JSON.stringify({
      uid: run.uid, attempt: run.attempt, phase: run.kind === 'SRDiTTraining' ? 'Training' : 'Sampling', time: new Date().toISOString(),
      step, of, loss: 1 / (1 + step), imagesPerSecond: 10, etaSeconds: of - step, checkpoints: checkpoints.slice(0, 5),
    }));
  }).listen(Number(env('SRDIT_HTTP_PORT')), '127.0.0.1');
}
if (run.kind === 'SRDiTTraining' && run.spec.data.uri.endsWith('/missing')) {
  end(64, 'NoData', `Cannot find the data set "${run.spec.data.uri}". Set spec.data.uri to a folder that holds index.json`);
}
process.stdout.write(`Rank ${rank} goes on from step ${step}, networks ${existsSync('/proc/net/dev') ? readFileSync('/proc/net/dev', 'utf8').split('\n').filter((line) => line.includes(':')).length : 0}\n`);
mkdirSync(dirname(env('SRDIT_TERMINATION_LOG')), { recursive: true });

const [code, when] = env('SRDIT_TEST_END').split('@').map(Number);
const agree = await joinPeers();
joined = true;
while (step < of) {
  await sleep(Number(env('SRDIT_TEST_STEP_MS')) || 20);
  const stopped = await agree(stop);
  step += 1;
  if (stopped) { checkpoint(); end(75, 'Stopped', `Stopped at step ${step}`); }
  if (rank === 0 && when === step) end(code ?? 1, 'Asked', `Ended at step ${step} as the test asked`);
  if (run.kind === 'SRDiTTraining' && step % run.spec.checkpoints.everySteps === 0) checkpoint();
}
// Everybody is through before anybody's socket closes.
await agree(false);
if (run.kind === 'SRDiTTraining') checkpoint();
end(0, 'Complete', `Done at step ${step}`, run.kind === 'SRDiTTraining' ? {} : {
  result: { checkpoint: run.checkpointUri, step: Number(run.checkpointUri.split('/').at(-1)), count: of, features: 'pixels', frechetDistance: 1.5, precision: 0.5, recall: 0.25 },
});
