import assert from 'node:assert/strict';
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { test } from 'node:test';
import { freePorts } from '../free-ports.ts';
import { EngineError, startEngine } from './index.ts';

type Line = Record<string, unknown>;
interface Rank { process: ChildProcessByStdio<Writable, Readable, null>; lines: AsyncIterator<string>; next(): Promise<Line> }

const freeAddresses = async (count: number): Promise<string[]> => (await freePorts(count)).map((port) => `127.0.0.1:${port}`);

function startRank(rank: number, addresses: readonly string[], scene: string): Rank {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'gang.test-rank.ts'), String(rank), addresses.join(), scene], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    process: child, lines,
    async next() {
      const { value, done } = await lines.next();
      assert.ok(done !== true, `rank ${rank} ended without an answer`);
      return JSON.parse(value) as Line;
    },
  };
}

async function withRanks(count: number, scene: string, use: (ranks: Rank[], addresses: string[]) => Promise<void>): Promise<void> {
  const addresses = await freeAddresses(count);
  const ranks = addresses.map((_, rank) => startRank(rank, addresses, scene));
  try {
    await use(ranks, addresses);
  } finally {
    for (const rank of ranks) rank.process.kill('SIGKILL');
  }
}

test('two processes reduce, broadcast and step together', { timeout: 60_000 }, async () => {
  await withRanks(2, 'meet', async (ranks) => {
    for (const [rank, process] of ranks.entries()) {
      assert.deepEqual(await process.next(), { mean: [[0.5, 1, -0.5], [0.6000000000000001]], sum: [[1, 2, -1], [1, 14]] });
      assert.deepEqual(await process.next(), { broadcast: [[0, 1, 0], [0, 7], [0.1]] });
      assert.deepEqual(await process.next(), { counter: rank + 100 });
    }
    for (const { process } of ranks) if (process.exitCode === null) await once(process, 'exit');
    assert.deepEqual(ranks.map(({ process }) => process.exitCode), [0, 0]);
  });
});

test('a rank killed mid-run is named by every survivor within a second', { timeout: 60_000 }, async () => {
  await withRanks(3, 'lose', async (ranks, addresses) => {
    for (const rank of ranks) assert.deepEqual(await rank.next(), { ready: true });
    const killed = Date.now();
    ranks[1]!.process.kill('SIGKILL');
    for (const survivor of [ranks[0]!, ranks[2]!]) {
      const { at, lost, message } = await survivor.next();
      assert.equal(lost, 1);
      assert.match(String(message), new RegExp(`rank 1 \\(${addresses[1]}\\) is gone`));
      assert.ok(Number(at) - killed < 1000, `noticed after ${Number(at) - killed} ms`);
    }
  });
});

test('a rank that was killed while nobody talked to it is noticed by the next collective', { timeout: 60_000 }, async () => {
  await withRanks(2, 'between', async ([survivor, victim]) => {
    for (const rank of [survivor!, victim!]) assert.deepEqual(await rank.next(), { ready: true });
    victim!.process.kill('SIGKILL');
    await once(victim!.process, 'exit');
    survivor!.process.stdin.write('go\n');
    const { lost, took } = await survivor!.next();
    assert.equal(lost, 1);
    assert.ok(Number(took) < 5000, `noticed after ${String(took)} ms`);
  });
});

test('ranks that do not come are named', { timeout: 60_000 }, async () => {
  const addresses = await freeAddresses(3);
  const rank = startRank(1, addresses, 'refuse');
  const { code, message } = await rank.next();
  assert.equal(code, 'JoinFailed');
  assert.match(String(message), new RegExp(`after 1 s ranks 0 \\(${addresses[0]}\\), 2 \\(${addresses[2]}\\) did not answer`));
});

test('a port that is taken is an error, not a crash', { timeout: 60_000 }, async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const taken = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const rank = startRank(0, [taken, ...await freeAddresses(1)], 'refuse');
  const { code, message } = await rank.next();
  server.close();
  assert.equal(code, 'JoinFailed');
  assert.match(String(message), new RegExp(`Cannot start the server of rank 0 on ${taken}`));
});

test('a gang of one needs no server', async () => {
  const engine = startEngine({ threads: 1, device: 'cpu' });
  await using gang = await engine.joinGang({ rank: 0, addresses: ['127.0.0.1:1'] });
  using mine = engine.tensor(Float32Array.of(3, 4), [2]);
  for (const result of [...await gang.allReduce([mine]), ...await gang.broadcast([mine])]) {
    using copy = result;
    assert.deepEqual([...copy.data() as Float32Array], [3, 4]);
  }
  await gang.barrier();
});

const wrong = {
  'a rank outside of the gang': { rank: 2, addresses: ['a:1', 'b:2'], want: /rank 2: the gang has 2 addresses/ },
  'an address without a port': { rank: 0, addresses: ['a:1', 'b'], want: /address "b" is not host:port/ },
  'joining after tensors were made': { rank: 0, addresses: ['a:1', 'b:2'], want: /1 tensors, 0 variables and 0 functions exist already/ },
};
for (const [name, { want, ...options }] of Object.entries(wrong)) {
  test(`${name} is refused`, async () => {
    const engine = startEngine({ threads: 1, device: 'cpu' });
    using tensor = engine.tensor(Float32Array.of(1), [1]);
    await assert.rejects(engine.joinGang(options), (error) => error instanceof EngineError && error.code === 'BadArgument' && want.test(error.message));
    assert.equal(tensor.data()[0], 1);
  });
}
