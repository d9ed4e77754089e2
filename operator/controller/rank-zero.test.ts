import assert from 'node:assert/strict';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { askRankZero, type Heard } from './rank-zero.ts';

const report = { uid: 'u1', attempt: 2, phase: 'Training', time: '2026-01-01T00:00:00.000Z', step: 5, of: 10 };

async function ask(answer: (response: ServerResponse) => void): Promise<Heard> {
  const server = createServer((_request, response) => { answer(response); });
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  try {
    return await askRankZero('127.0.0.1', (server.address() as AddressInfo).port, { uid: 'u1', attempt: 2 }, new AbortController().signal);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

test('a sound report is heard', async () => {
  assert.deepEqual(await ask((response) => response.end(JSON.stringify(report))), { report });
});

const hostile: Record<string, { readonly answer: (response: ServerResponse) => void; readonly silence: RegExp }> = {
  'of another attempt': { answer: (response) => response.end(JSON.stringify({ ...report, attempt: 1 })), silence: /no report of this attempt/ },
  'of another resource': { answer: (response) => response.end(JSON.stringify({ ...report, uid: 'u0' })), silence: /no report of this attempt/ },
  'that is not JSON': { answer: (response) => response.end('<html>'), silence: /JSON/ },
  'with a wrong type': { answer: (response) => response.end(JSON.stringify({ ...report, step: 'many' })), silence: /no report of this attempt/ },
  'longer than any report': { answer: (response) => { response.write('x'.repeat(80_000)); }, silence: /longer than 65536 bytes/ },
  'that sends us elsewhere': { answer: (response) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(), silence: /redirect/ },
  'that never comes': { answer: () => undefined, silence: /no answer within 2 s/ },
  'of an error': { answer: (response) => response.writeHead(500).end(JSON.stringify(report)), silence: /answers 500/ },
};
for (const [name, { answer, silence }] of Object.entries(hostile)) {
  test(`not heard: a report ${name}`, async () => {
    const heard = await ask(answer);
    assert.match('silence' in heard ? heard.silence : JSON.stringify(heard), silence);
  });
}

test('not heard: a report of nobody', async () => {
  const heard = await askRankZero('127.0.0.1', 1, { uid: 'u1', attempt: 2 }, new AbortController().signal);
  assert.match('silence' in heard ? heard.silence : '', /ECONNREFUSED|bad port/);
});
