import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ModelSpec, ObjectiveSpec } from '@srdit/crds';
import { modelConfig, ModelConfigError, type ModelConfig } from './config.ts';
import { initialParameters, parameterCount, parameterTable } from './parameters.ts';

const data = { channels: 32, latentSize: 16, features: { width: 768 } };
const configOf = (model: object, objective: object = {}, on: Parameters<typeof modelConfig>[1] = data): ModelConfig =>
  modelConfig({ model: ModelSpec.parse({ preset: 'SiT-B/1', ...model }), objective: ObjectiveSpec.parse(objective) }, on);
const names = (config: ModelConfig): string[] => parameterTable(config).map((info) => info.name);
const small = { preset: undefined, size: { depth: 5, hiddenSize: 32, heads: 2, patchSize: 1 } };

test('SiT-B/1 at 256 px has the published number of parameters', () => {
  const config = configOf({});
  assert.equal(parameterCount(config), 140_235_051);
  assert.equal(parameterTable(config).length, 183);
  const trained = parameterTable(config).filter((info) => info.kind === 'trained');
  assert.equal(trained.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0), 140_037_675);
});

const switches = {
  'no routing: no mask token, no fusion': { model: { routing: { enabled: false } }, gone: /^(mask_token|fusion_proj)/ },
  'no class token: its three layers are gone': { model: { classToken: false }, gone: /cls/ },
  'no QK norm': { model: { qkNorm: false }, gone: /[qk]_norm/ },
  'no value residual': { model: { valueResidual: false }, gone: /v1_lambda/ },
  'no RoPE: no tables': { model: { rope: false }, gone: /feat_rope/ },
  'no alignment: no projectors': { objective: { alignment: { enabled: false } }, gone: /^projectors/ },
};
for (const [name, row] of Object.entries(switches)) {
  test(name, () => {
    const { gone } = row;
    const full = names(configOf(small));
    const less = names(configOf({ ...small, ...('model' in row ? row.model : {}) }, 'objective' in row ? row.objective : {}));
    assert.ok(full.some((entry) => gone.test(entry)));
    assert.deepEqual(less.filter((entry) => entry !== 'wg_norm.weight'), full.filter((entry) => !gone.test(entry) && (name.startsWith('no class') ? entry !== 'wg_norm.weight' : true)).filter((entry) => entry !== 'wg_norm.weight'));
  });
}

test('without teacher features there is neither class token nor alignment', () => {
  const config = configOf(small, {}, { channels: 4, latentSize: 8 });
  assert.equal(config.classTokenWidth, 0);
  assert.deepEqual(config.featureWidths, []);
});

test('weights depend on seed and name only', () => {
  const full = initialParameters(configOf(small), 5);
  const other = initialParameters(configOf({ ...small, qkNorm: false }), 5);
  for (const [name, value] of Object.entries(other)) assert.deepEqual(value, full[name], name);
  assert.notDeepEqual(initialParameters(configOf(small), 6)['blocks.0.mlp.fc1.weight'], full['blocks.0.mlp.fc1.weight']);
  const bound = Math.sqrt(6 / (32 + 96));
  const qkv = full['blocks.0.attn.qkv.weight'] as Float32Array;
  assert.ok(qkv.every((x) => Math.abs(x) <= bound) && qkv.some((x) => Math.abs(x) > 0.95 * bound));
  const table = full['y_embedder.embedding_table.weight'] as Float32Array;
  assert.ok(Math.abs(Math.sqrt(table.reduce((sum, x) => sum + x * x, 0) / table.length) - 0.02) < 0.0005);
});

const refused = {
  'heads that do not divide the width by 4': { size: { depth: 4, hiddenSize: 36, heads: 2, patchSize: 1 }, says: /multiple of 8/ },
  'patches that do not divide the latent': { size: { depth: 4, hiddenSize: 32, heads: 2, patchSize: 3 }, says: /divisor of 16/ },
  'alignment with larger patches': { size: { depth: 4, hiddenSize: 32, heads: 2, patchSize: 2 }, says: /alignment.enabled to false/ },
};
for (const [name, { size, says }] of Object.entries(refused)) {
  test(`${name}: refused`, () => {
    assert.throws(() => configOf({ preset: undefined, size }), (error) => error instanceof ModelConfigError && says.test(error.message));
  });
}
