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
