import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { describe, test } from 'node:test';
import { look, Suspicion, type Answer } from './peers.ts';

const [L, R, S]: readonly Answer[] = ['listens', 'refuses', 'silent'];
const times = (count: number, ...answers: readonly Answer[]): Answer[] => Array.from({ length: count }, () => answers).flat();

describe('a peer', () => {
  const cases: Record<string, { answers: readonly Answer[]; gone: boolean }> = {
    'that listens is there': { answers: times(1000, L!), gone: false },
    'that refuses once may be just starting': { answers: [R!], gone: false },
    'that refuses twice is gone': { answers: [L!, R!, R!], gone: true },
    'that refuses now and then is there': { answers: times(100, R!, L!), gone: false },
    'that is silent for seconds is slow': { answers: times(40, S!), gone: false },
    'that was slow and answers is there': { answers: times(10, ...times(40, S!), L!), gone: false },
    'that stays silent is gone': { answers: times(64, S!), gone: true },
    'that falls silent and then refuses is gone': { answers: [S!, R!, S!, R!], gone: true },
  };
  for (const [name, { answers, gone }] of Object.entries(cases)) {
    test(name, () => {
      const suspicion = new Suspicion();
      const heard = answers.map((answer) => suspicion.heard(['listens', answer]));
      assert.equal(heard.at(-1), gone ? 1 : undefined);
      assert.ok(heard.slice(0, -1).every((one) => one === undefined));
    });
  }
});

test('a look tells a port with a listener, one without, and a name that nobody knows', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  assert.equal(await look(address, 5000), 'listens');
  server.close();
  await once(server, 'close');
  assert.equal(await look(address, 5000), 'refuses');
  assert.equal(await look('nobody.invalid:80', 5000), 'silent');
});
