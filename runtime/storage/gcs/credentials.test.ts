import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, beforeEach, test } from 'node:test';
import { GcsStorage } from '../gcs.ts';
import { Api } from './api.ts';
import { CLOCK, PATIENCE } from './patience.ts';

// Google's own library, against a metadata server as pods of GKE see it: workload identity from end to end, with a bucket that wants a token.

let server: Server;
let tokens = 0;
/** Tokens that the bucket takes. */
let good: RegExp = /./;
let silentTries = 0;
const authorized: (string | undefined)[] = [];

before(async () => {
  server = createServer((request, response) => {
    const path = request.url ?? '';
    if (path.startsWith('/computeMetadata/')) {
      if (silentTries-- > 0) response.writeHead(404).end();
      else if (path.includes('/token')) response.writeHead(200, { 'metadata-flavor': 'Google', 'content-type': 'application/json' }).end(JSON.stringify({ access_token: `token-${++tokens}`, expires_in: 3600, token_type: 'Bearer' }));
      else response.writeHead(200, { 'metadata-flavor': 'Google' }).end(path.endsWith('universe-domain') ? 'googleapis.com' : 'trainer@project.iam.gserviceaccount.com');
      return;
    }
    authorized.push(request.headers.authorization);
    if (good.test(request.headers.authorization ?? '')) response.writeHead(200, { 'content-type': 'application/json' }).end('{"size": "7"}');
    else response.writeHead(401).end('{"error":{"message":"Invalid Credentials"}}');
  });
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  Object.assign(process.env, { GCE_METADATA_HOST: host, METADATA_SERVER_DETECTION: 'assume-present', HOME: '/nonexistent', CLOUDSDK_CONFIG: '/nonexistent' });
  delete process.env['GOOGLE_APPLICATION_CREDENTIALS'];
});
after(() => { server.close(); server.closeAllConnections(); });
beforeEach(() => {
  tokens = 0;
  good = /./;
  silentTries = 0;
  authorized.length = 0;
  delete process.env['KUBERNETES_SERVICE_HOST'];
});
const open = (): GcsStorage => {
  const origin = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  return new GcsStorage(new Api('bucket', { origin, anonymous: false }, { patience: PATIENCE, clock: { ...CLOCK, sleep: () => CLOCK.sleep(1) }, partBytes: 1 << 18 }), 'x');
};

test('requests carry the token of the pod\'s account, got once', async () => {
  const storage = open();
  assert.equal(await storage.size('a'), 7);
  assert.equal(await storage.at('b').size('c'), 7);
  assert.deepEqual(authorized, ['Bearer token-1', 'Bearer token-1']);
});

test('a token that is refused is replaced once', async () => {
  const storage = open();
  await storage.size('a');
  good = /token-2/;
  assert.equal(await storage.size('a'), 7);
  assert.deepEqual(authorized, ['Bearer token-1', 'Bearer token-1', 'Bearer token-2']);
});

test('an account that stays refused is told at once', async () => {
  good = /never/;
  await assert.rejects(open().size('a'), { name: 'StorageError', code: 'Denied', message: /401 "Invalid Credentials"/ });
  assert.equal(authorized.length, 2);
});

test('in a pod, a metadata server that is not ready yet is waited for', async () => {
  process.env['KUBERNETES_SERVICE_HOST'] = '10.0.0.1';
  silentTries = 3;
  assert.equal(await open().size('a'), 7);
});

test('no credentials: told with how to get some', async () => {
  silentTries = Number.POSITIVE_INFINITY;
  await assert.rejects(open().size('a'), { name: 'StorageError', code: 'Denied', message: /there are no usable Google credentials .*spec\.pod\.serviceAccountName.*gcloud auth application-default login/ });
  assert.equal(authorized.length, 0, 'nothing was sent without them');
});
