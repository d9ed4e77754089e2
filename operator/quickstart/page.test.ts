import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lossCurve, page } from './page.ts';

const content = {
  title: 'Emoji <b>', lead: 'lead', tables: [[['what', 'value'], ['steps', '10']]], note: 'note',
  curve: [{ step: 1, loss: 2, lossEma: 2 }, { step: 10, loss: 1, lossEma: 1.5 }],
  figures: [{ title: 'Grid', caption: 'c', png: new Uint8Array([1, 2, 3]) }], sources: [{ name: 'a.yaml', text: 'a: <1>' }],
};

test('the page holds its pictures and refers to nothing outside', () => {
  const html = page(content);
  assert.match(html, /src="data:image\/png;base64,AQID"/);
  assert.doesNotMatch(html, /https?:\/\//);
  assert.doesNotMatch(html, /<script/);
});

test('text from outside cannot become markup', () => {
  const html = page(content);
  assert.match(html, /Emoji &#60;b&#62;/);
  assert.match(html, /a: &#60;1&#62;/);
});

test('the curve spans the steps, and a single point makes no curve', () => {
  const svg = lossCurve(content.curve);
  assert.equal(svg.match(/<polyline/g)?.length, 2);
  assert.match(svg, />10</);
  assert.match(lossCurve(content.curve.slice(0, 1)), /Too few steps/);
});

test('the scale has round numbers, and the first spike leaves the frame instead of pressing the rest together', () => {
  const curve = Array.from({ length: 130 }, (_, i) => ({ step: 10 * (i + 1), loss: i === 0 ? 50 : 0.4 + 1.6 / (i + 1), lossEma: i === 0 ? 50 : 0.5 + 1.6 / (i + 1) }));
  const svg = lossCurve(curve);
  const labels = (anchor: string): string[] => [...svg.matchAll(new RegExp(`text-anchor="${anchor}">([^<]*)<`, 'g'))].map(([, text = '']) => text);
  assert.deepEqual(labels('middle'), ['0', '200', '400', '600', '800', '1000', '1200']);
  assert.deepEqual(labels('end'), ['0.5', '0.6', '0.7', '0.8', '0.9']);
  const [first = '', second = ''] = /points="([^"]*)"/.exec(svg)?.[1]?.split(' ').map((point) => point.split(',')[1]) ?? [];
  assert.ok(Number(first) < 0 && Number(second) < 300, `${first}, ${second}`);
});
