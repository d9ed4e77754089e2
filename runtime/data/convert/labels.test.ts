import assert from 'node:assert/strict';
import { test } from 'node:test';
import { byBytes, datasetJson, labelsOf } from './labels.ts';

const text = (pictures: { file: string; label: number | undefined }[], classes?: string[]): string => [...datasetJson(() => pictures, classes)].join('');

interface Case { readonly dataset?: string; readonly folders: string[]; readonly pictures: Readonly<Record<string, number | undefined>>; readonly classes?: string[] }
const cases: Readonly<Record<string, Case>> = {
  'the class is the place of the top folder among the sorted ones': {
    folders: ['n10', 'n02', 'n01'], pictures: { 'n01/a.png': 0, 'n02/deep/c.png': 1, 'n10/z.png': 2 }, classes: ['n01', 'n02', 'n10'],
  },
  'one folder is one class': { folders: ['cats'], pictures: { 'cats/a.png': 0 }, classes: ['cats'] },
  'pictures in no folder have no class': { folders: [''], pictures: { 'a.png': undefined } },
  'pictures beside folders are a class of their own': { folders: ['b', ''], pictures: { 'a.png': 0, 'b/a.png': 1 }, classes: ['.', 'b'] },
  'dataset.json says it instead': { dataset: '{"labels": [["b/a.png", 7]]}', folders: ['a', 'b'], pictures: { 'b/a.png': 7, 'a/a.png': undefined } },
  'names of classes in dataset.json are kept': { dataset: '{"labels": [["a.png", 1]], "classes": ["cat", "dog"]}', folders: [''], pictures: { 'a.png': 1 }, classes: ['cat', 'dog'] },
  'a dataset.json without labels leaves it to the folders': { dataset: '{"labels": null}', folders: ['a', 'b'], pictures: { 'b/a.png': 1 }, classes: ['a', 'b'] },
  'sorted by bytes, not by UTF-16': { folders: ['\u{1f600}', '\uffee'], pictures: { '\uffee/a.png': 0, '\u{1f600}/a.png': 1 }, classes: ['\uffee', '\u{1f600}'] },
};
for (const [name, { dataset, folders, pictures, classes }] of Object.entries(cases)) {
  test(name, () => {
    const labels = labelsOf(dataset, new Set(folders), 'source');
    assert.deepEqual(Object.fromEntries(Object.keys(pictures).map((path) => [path, labels.of(path)])), pictures);
    assert.deepEqual(labels.classes, classes);
  });
}

for (const bad of ['{', '[]', '{"labels": [["a", "cat"]]}', '{"labels": [["a", -1]]}', '{"labels": [["a", 1.5]]}']) {
  test(`dataset.json ${bad} is refused with a sentence`, () => {
    assert.throws(() => labelsOf(bad, new Set(), 'source'), { name: 'ConvertError', message: /Cannot read dataset.json of "source": .*take it away/ });
  });
}

test('the result is written as the reference writes it', () => {
  assert.equal(text([{ file: '00000/img00000000.png', label: 0 }, { file: '00000/img00000002.png', label: 12 }]),
    '{"labels": [["00000/img00000000.png", 0], ["00000/img00000002.png", 12]]}');
  assert.equal(text([{ file: 'a.png', label: 0 }], ['x', 'y"']), '{"labels": [["a.png", 0]], "classes": ["x", "y\\""]}');
  assert.equal(text([{ file: 'a.png', label: 0 }, { file: 'b.png', label: undefined }], ['x']), '{"labels": null}');
});

test('paths are in order of their bytes', () => {
  assert.deepEqual(['n02/x.png', 'n02/deep/c.png', 'n01/b.png', 'n01/a.PNG', 'n01-b/a.png'].sort(byBytes), ['n01-b/a.png', 'n01/a.PNG', 'n01/b.png', 'n02/deep/c.png', 'n02/x.png']);
});
