import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { freePort, freePorts } from './free-ports.ts';

test('each port comes once and can be listened on', async () => {
  const ports = [...await freePorts(20), await freePort()];
  assert.equal(new Set(ports.slice(0, 20)).size, 20);
  for (const port of ports) {
    const server = createServer().listen(port, '127.0.0.1');
    await once(server, 'listening');
    server.close();
    await once(server, 'close');
  }
});
