import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { requests } from './audit.ts';
import { histogramOf, quantileOf } from './scrape.ts';

test('requests are counted by verb and resource, watches and others\' times left out', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'srdit-audit-'));
  const line = (verb: string, second: number, objectRef: object, code = 200): string =>
    JSON.stringify({ verb, requestReceivedTimestamp: new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString(), objectRef, responseStatus: { code } });
  try {
    const log = join(folder, 'audit.log');
    writeFileSync(log, [
      line('create', 1, { resource: 'jobs' }), line('create', 2, { resource: 'jobs' }, 409), line('patch', 2, { resource: 'srdittrainings', subresource: 'status' }),
      line('watch', 2, { resource: 'pods' }), line('create', 50, { resource: 'jobs' }), '{"verb":"cre',
    ].join('\n'));
    assert.deepEqual([...await requests(log, Date.UTC(2026, 0, 1), Date.UTC(2026, 0, 1, 0, 0, 10))], [['create jobs', 1], ['create jobs 409', 1], ['patch srdittrainings/status', 1]]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a quantile of a histogram is the bound of its bucket', () => {
  const text = ['h_bucket{controller="a",le="0.1"} 90', 'h_bucket{controller="a",le="0.5"} 99', 'h_bucket{controller="b",le="0.5"} 7', 'h_bucket{controller="a",le="+Inf"} 100'].join('\n');
  const histogram = histogramOf(text, 'h', 'a');
  assert.deepEqual([quantileOf(histogram, 0.5), quantileOf(histogram, 0.99), quantileOf(histogram, 1)], [0.1, 0.5, Infinity]);
  const before = new Map([[0.1, 89], [0.5, 90], [Infinity, 90]]);
  assert.deepEqual([quantileOf(histogram, 0.1, before), quantileOf(histogram, 0.5, before)], [0.1, 0.5], 'of what came since');
});
