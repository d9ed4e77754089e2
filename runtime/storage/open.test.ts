import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { endpointOf } from './gcs/endpoint.ts';
import { openStorage } from './open.ts';

for (const [uri, message] of Object.entries({
  'datasets/emoji': /does not begin with a scheme/, 's3://bucket/x': /the scheme "s3" is not known/, 'http://x/y': /the scheme "http" is not known/,
  'file://host/x': /three slashes/, 'file://': /three slashes/, 'file:///a/../b': /Use a URI such as/, 'file:///a%20b': /have no meaning here/,
  'gs://': /is no name of a bucket/, 'gs:///x': /is no name of a bucket/, 'gs://ab/x': /"ab" is no name of a bucket/, 'gs://Bucket/x': /small letters/,
  'gs://bucket-/x': /small letters/, 'gs://10.0.0.1/x': /small letters/, 'gs://a..b/x': /small letters/, 'gs://google-x/y': /small letters/,
  'gs://user@bucket/x': /small letters/, 'gs://bucket:80/x': /small letters/,
  'gs://bucket//x': /a part of its path is empty/, 'gs://bucket/a/../b': /"\.\."/, 'gs://bucket/a?x=1': /have no meaning here/, 'gs://bucket/a#1': /have no meaning here/,
  'gs://bucket/a\nb': /control character/,
})) {
  test(`uri ${JSON.stringify(uri)} is refused with a sentence`, () => { assert.throws(() => openStorage(uri), { name: 'StorageError', code: 'BadUri', message }); });
}

for (const [uri, want] of Object.entries({
  'file:///': 'file://', 'file:///a/b/': 'file:///a/b', 'gs://bucket': 'gs://bucket', 'gs://bucket/': 'gs://bucket', 'gs://my.bucket_1-x/a/b//': 'gs://my.bucket_1-x/a/b',
})) {
  test(`uri ${uri} is opened as ${want}`, () => { assert.equal(openStorage(uri).uri, want); });
}

const places = {
  'nothing set: Google, with credentials': [{}, 'https://storage.googleapis.com', false],
  'an emulator, as Google\'s clients name it': [{ STORAGE_EMULATOR_HOST: '127.0.0.1:4443' }, 'http://127.0.0.1:4443', true],
  'an emulator by address': [{ STORAGE_EMULATOR_HOST: 'https://emulator:4443' }, 'https://emulator:4443', true],
  'an endpoint of ours with TLS: with credentials': [{ SRDIT_GCS_ENDPOINT: 'https://storage-x.p.googleapis.com/', STORAGE_EMULATOR_HOST: 'other' }, 'https://storage-x.p.googleapis.com', false],
  'an endpoint as gcloud names it': [{ CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE: 'https://storage-x.p.googleapis.com/storage/v1/' }, 'https://storage-x.p.googleapis.com', false],
  'an endpoint without TLS: no credentials': [{ SRDIT_GCS_ENDPOINT: 'http://fake-gcs:4443' }, 'http://fake-gcs:4443', true],
} as const;
for (const [name, [environment, origin, anonymous]] of Object.entries(places)) {
  test(`endpoint: ${name}`, () => {
    const endpoint = endpointOf(environment);
    assert.deepEqual([endpoint.origin.origin, endpoint.anonymous], [origin, anonymous]);
  });
}
test('an endpoint that is no address is refused', () => {
  for (const value of ['fake-gcs:4443', 'ftp://x', 'http://user:secret@x', 'nonsense']) {
    assert.throws(() => openStorage('gs://bucket/x', { SRDIT_GCS_ENDPOINT: value }), { code: 'BadUri', message: /SRDIT_GCS_ENDPOINT/ });
  }
});

test('opening loads nothing of Google\'s library; the first request with credentials does', async () => {
  const script = `import { registerHooks } from 'node:module';
    let loaded = 0;
    registerHooks({ load: (url, context, next) => { if (url.includes('/@google-cloud/')) loaded += 1; return next(url, context); } });
    const { openStorage } = await import(${JSON.stringify(join(import.meta.dirname, 'open.ts'))});
    const storage = openStorage('gs://bucket/x', { SRDIT_GCS_ENDPOINT: 'https://127.0.0.1:1' }, { patience: { giveUpAfter: 0 } });
    const before = loaded;
    const code = await storage.read('y').catch((error) => error.code);
    console.log(before, loaded > 0, code);`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script],
    { env: { PATH: process.env['PATH'], GOOGLE_APPLICATION_CREDENTIALS: '/nonexistent/key.json', METADATA_SERVER_DETECTION: 'none' } });
  assert.equal(stdout.trim(), '0 true Denied');
});
