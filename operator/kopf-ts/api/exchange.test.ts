import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent } from 'undici';
import { exchange } from './exchange.ts';
import type { HttpResponse } from './transport.ts';

async function serve(t: TestContext, listener: RequestListener, connections?: number): Promise<(signal?: AbortSignal) => Promise<HttpResponse>> {
  const server = createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const agent = new Agent(connections === undefined ? {} : { connections });
  t.after(async () => {
    await agent.destroy();
    server.closeAllConnections();
    server.close();
  });
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return (signal = new AbortController().signal) => exchange(agent, { origin, path: '/', method: 'GET' }, signal);
}

test('an answer in pieces is one', async (t) => {
  const ask = await serve(t, (_request, response) => {
    response.setHeader('x-one', 'two');
    response.write(Buffer.from('é').subarray(0, 1));
    setTimeout(() => { response.end(Buffer.concat([Buffer.from('é').subarray(1), Buffer.from('x'.repeat(1 << 20))])); }, 20);
  });
  const answer = await ask();
  assert.deepEqual([answer.status, answer.headers['x-one'], (await answer.bytes()).toString()], [200, 'two', `é${'x'.repeat(1 << 20)}`]);
});

test('an answer that breaks off rejects, as a whole and as a stream', async (t) => {
  const ask = await serve(t, (_request, response) => {
    response.writeHead(200, { 'content-length': 100 });
    response.write('half');
    setTimeout(() => { response.destroy(); }, 20);
  });
  await assert.rejects((await ask()).bytes(), /closed|terminated|aborted/i);
  const seen: string[] = [];
  await assert.rejects(async () => { for await (const chunk of (await ask()).chunks()) seen.push(Buffer.from(chunk).toString()); }, /closed|terminated|aborted/i);
  assert.deepEqual(seen, ['half'], 'what came before is seen');
});

test('the signal ends it with its reason: before, while it waits for a connection, before the answer, in the middle', async (t) => {
  let asked = 0;
  const ask = await serve(t, (_request, response) => {
    asked += 1;
    if (asked > 1) response.write('half');
  }, 1);
  const reason = new Error('enough');
  await assert.rejects(ask(AbortSignal.abort(reason)), reason);
  assert.equal(asked, 0);
  const [first, second] = [new AbortController(), new AbortController()];
  const hanging = ask(first.signal);
  const waiting = ask(second.signal);
  await sleep(50);
  second.abort(reason);
  await assert.rejects(waiting, reason);
  first.abort(reason);
  await assert.rejects(hanging, reason);
  assert.equal(asked, 1, 'what waited was never sent');
  const third = new AbortController();
  const text = (await ask(third.signal)).bytes();
  third.abort(reason);
  await assert.rejects(text, reason);
});

test('a slow reader is not overrun, and one that has enough ends the connection', async (t) => {
  let sent = 0;
  let ended = (): void => undefined;
  const gone = new Promise<void>((resolve) => { ended = resolve; });
  const ask = await serve(t, (_request, response) => {
    response.once('close', () => { ended(); });
    const more = (): void => {
      while (!response.destroyed && sent < 200 << 20) {
        sent += 1 << 16;
        if (!response.write(Buffer.alloc(1 << 16))) { response.once('drain', more); return; }
      }
    };
    more();
  });
  let read = 0;
  for await (const chunk of (await ask()).chunks()) {
    read += chunk.length;
    if (read > 1 << 20) break;
    await sleep(5);
  }
  await gone;
  assert.ok(sent < 50 << 20, `${sent >> 20} MB were sent for ${read >> 20} MB read`);
});
