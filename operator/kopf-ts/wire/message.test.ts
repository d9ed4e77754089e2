import assert from 'node:assert/strict';
import { test } from 'node:test';
import protobuf from 'protobufjs';
import { decode, list, message } from './message.ts';
import { encode } from '../testing/encode.ts';

const POD = message({
  name: [1, 'string'], labels: [11, 'map'], made: [8, 'time'],
  status: [3, message({ phase: [1, 'string'], codes: [4, list(message({ code: [1, 'int'], again: [2, 'bool'] }))], running: [5, message({})] })],
});

/** The same and more, by protobufjs' own encoder. */
const { root } = protobuf.parse(`syntax = "proto2";
  message Time { optional int64 seconds = 1; optional int32 nanos = 2; }
  message Code { optional int32 code = 1; optional bool again = 2; optional string secret = 9; }
  message Running { optional Time at = 1; }
  message Status { optional string phase = 1; optional bytes blob = 2; repeated Code codes = 4; optional Running running = 5; }
  message Spec { repeated string args = 1; optional double weight = 2; optional fixed32 bits = 3; }
  message Pod { optional string name = 1; optional Spec spec = 2; optional Status status = 3; optional Time made = 8; map<string, string> labels = 11; optional sint64 zig = 40; }`);
const pod = (object: Record<string, unknown>): Uint8Array => root.lookupType('Pod').encode(root.lookupType('Pod').fromObject(object)).finish();

const WHOLE = {
  name: 'é', labels: { 'a/b': 'c', 'empty': '', '__proto__x': 'd' }, made: { seconds: 1_795_000_000, nanos: 0 }, zig: -3,
  spec: { args: ['x', 'y'], weight: 0.5, bits: 7 },
  status: { phase: '', blob: 'AAEC', codes: [{ code: 0, again: false, secret: 's' }, { code: -1, again: true }, {}], running: { at: { seconds: 3 } } },
};
const READ = {
  name: 'é', labels: { 'a/b': 'c', 'empty': '', '__proto__x': 'd' }, made: '2026-11-18T11:06:40Z',
  status: { codes: [{ code: 0, again: false }, { code: -1, again: true }, {}], running: {} },
};

test('the fields that are named are read as JSON would have them, the others are skipped', () => {
  assert.deepEqual(decode(POD, pod(WHOLE)), READ);
  assert.deepEqual(decode(POD, pod({})), {});
  const counted = (kind: 'int' | 'nonzero') => decode(message({ code: [1, kind] }), encode(message({ code: [1, 'int'] }), { code: 0 }));
  assert.deepEqual([counted('int'), counted('nonzero')], [{ code: 0 }, {}]);
  assert.deepEqual(decode(POD, pod({ made: {} })), {}, 'an empty time is none');
  assert.equal(decode(POD, pod({ made: { seconds: 1, nanos: 500_000_000 } }))['made'], '1970-01-01T00:00:01.500Z');
});

test('what the fake server writes is read back', () => {
  assert.deepEqual(decode(POD, encode(POD, READ)), READ);
});

test('a label named __proto__ is a label', () => {
  const labels = Object.fromEntries([['__proto__', 'x']]);
  const read = decode(POD, encode(POD, { labels }))['labels'] as object;
  assert.deepEqual(Object.keys(read), ['__proto__']);
  assert.equal(Object.getPrototypeOf(read), Object.prototype);
});

test('bytes that are cut off anywhere within a message of known length are refused', () => {
  const OUTER = message({ pod: [1, POD] });
  const bytes = encode(OUTER, { pod: READ });
  for (let end = 1; end < bytes.length; end += 1) assert.throws(() => decode(OUTER, bytes.subarray(0, end)), `${end} of ${bytes.length} bytes`);
});

test('a field that comes as another type than described is skipped', () => {
  assert.deepEqual(decode(message({ name: [1, 'int'], status: [3, 'string'] }), encode(message({ name: [1, 'string'] }), { name: 'x' })), {});
});

test('a message that says it is longer than what holds it is refused', () => {
  // status (field 3) of 2 bytes, in which phase (field 1) claims 5; they are there, but belong to what follows.
  assert.throws(() => decode(POD, Uint8Array.of(0x1a, 2, 0x0a, 5, 0x0a, 3, 0x61, 0x62, 0x63)), /after its end/);
});
