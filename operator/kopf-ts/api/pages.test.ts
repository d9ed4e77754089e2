import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pages, type AskPage, type Page } from './pages.ts';

const json = (text: string) => ({ bytes: Buffer.from(text), contentType: 'application/json' });

/** Pages of one number each, as the API server writes them. asked: where each request began. */
function server(count: number, broken?: number) {
  const asked: number[] = [];
  const ask: AskPage<number> = async (from, peek) => {
    const index = Number(from ?? 0);
    asked.push(index);
    await Promise.resolve();
    if (index === broken) throw new Error(`page ${index} is broken`);
    const text = JSON.stringify({ kind: 'RoomList', apiVersion: 'kopf-ts.dev/v1', metadata: { resourceVersion: '7', ...(index < count - 1 && { continue: String(index + 1) }) }, items: [index] });
    peek?.(json(text));
    return JSON.parse(text) as { items: number[] };
  };
  return { asked, ask };
}

for (const ahead of [false, true]) test(`every page comes once and in order${ahead ? ', asked for ahead' : ''}`, async () => {
  const { asked, ask } = server(5);
  const items: number[] = [];
  for await (const page of pages(ask, ahead)) items.push(...page.items ?? []);
  assert.deepEqual([items, asked], [[0, 1, 2, 3, 4], [0, 1, 2, 3, 4]]);
});

test('ahead means one page ahead, however slowly they are taken', async () => {
  const { asked, ask } = server(5);
  const all = pages(ask, true);
  await all.next();
  await new Promise(setImmediate);
  assert.deepEqual(asked, [0, 1]);
  await all.return(undefined);
  assert.deepEqual(asked, [0, 1]);
});

test('without it nothing is asked for that nobody takes', async () => {
  const { asked, ask } = server(5);
  await pages(ask, false).next();
  await new Promise(setImmediate);
  assert.deepEqual(asked, [0]);
});

test('a page that was asked for ahead and failed fails where it is taken', async () => {
  const { ask } = server(5, 1);
  const all = pages(ask, true);
  assert.deepEqual(await all.next().then(({ value }) => (value as Page<number>).items), [0]);
  await new Promise(setImmediate);
  await assert.rejects(all.next(), /page 1 is broken/);
});

test('an answer that is written otherwise is parsed first', async () => {
  const ask: AskPage<number> = (from, peek) => {
    const page = { items: [Number(from ?? 0)], metadata: { resourceVersion: '7', ...(from === undefined && { continue: '1' }) } };
    assert.equal(peek?.(json(JSON.stringify(page))), false);
    return Promise.resolve(page);
  };
  const items: number[] = [];
  for await (const page of pages(ask, true)) items.push(...page.items ?? []);
  assert.deepEqual(items, [0, 1]);
});
