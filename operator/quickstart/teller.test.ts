import assert from 'node:assert/strict';
import { test } from 'node:test';
import { terminalTeller } from './teller.ts';

function heard(isTTY: boolean): { text: () => string; tick: (milliseconds: number) => void; teller: ReturnType<typeof terminalTeller> } {
  let text = '';
  let time = 0;
  const teller = terminalTeller({ isTTY, columns: 20, write: (more) => { text += more; } }, () => time);
  return { text: () => text, tick: (milliseconds) => { time += milliseconds; }, teller };
}

test('on a terminal progress is drawn over and never longer than a line', () => {
  const { teller, text } = heard(true);
  teller.progress('x'.repeat(50));
  teller.say('done');
  assert.equal(text(), `\r${'x'.repeat(19)}\u001b[K\r\u001b[Kdone\n`);
});

test('in a pipe progress is a line every ten seconds', () => {
  const { teller, text, tick } = heard(false);
  teller.progress('a');
  tick(9999);
  teller.progress('b');
  tick(1);
  teller.progress('c');
  teller.progress('d');
  assert.equal(text(), 'c\n');
});
