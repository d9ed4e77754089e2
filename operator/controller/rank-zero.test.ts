import assert from 'node:assert/strict';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { askRankZero } from './rank-zero.ts';

const report = { uid: 'u1', attempt: 2, phase: 'Training', time: '2026-01-01T00:00:00.000Z', step: 5, of: 10 };

async function ask(answer: (response: ServerResponse) => void): Promise<unknown> {
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
  assert.deepEqual(await ask((response) => response.end(JSON.stringify(report))), report);
});

const hostile: Record<string, (response: ServerResponse) => void> = {
  'of another attempt': (response) => response.end(JSON.stringify({ ...report, attempt: 1 })),
  'of another resource': (response) => response.end(JSON.stringify({ ...report, uid: 'u0' })),
  'that is not JSON': (response) => response.end('<html>'),
  'with a wrong type': (response) => response.end(JSON.stringify({ ...report, step: 'many' })),
  'longer than any report': (response) => { response.write('x'.repeat(80_000)); },
  'that sends us elsewhere': (response) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(),
  'that never comes': () => undefined,
  'of an error': (response) => response.writeHead(500).end(JSON.stringify(report)),
};
for (const [name, answer] of Object.entries(hostile)) {
  test(`not heard: a report ${name}`, async () => { assert.equal(await ask(answer), undefined); });
}
