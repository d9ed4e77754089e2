import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jsonLines } from './json-lines.ts';

async function read(bytes: Uint8Array, size: number): Promise<unknown[]> {
  const values: unknown[] = [];
  const chunks = (async function* () {
    for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size);
  })();
  for await (const some of jsonLines(chunks)) values.push(...some);
  return values;
}

test('values are the same however the bytes are cut, within characters as well', async () => {
  const values = [{ a: 'größe' }, { b: '日本' }, { c: [1, 2] }];
  const bytes = new TextEncoder().encode(values.map((value) => `${JSON.stringify(value)}\n`).join('\n'));
  for (let size = 1; size <= bytes.length; size++) assert.deepEqual(await read(bytes, size), values);
});

test('half a line at the end, and a line that is no JSON, are errors', async () => {
  await assert.rejects(read(new TextEncoder().encode('{"a":1}\n{"b"'), 100), /ended within a line after 4 characters/);
  await assert.rejects(read(new TextEncoder().encode('<html>\n'), 100), /a line of 6 characters is no JSON/);
});
