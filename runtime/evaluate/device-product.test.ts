import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startEngine } from '../engine/index.ts';
import { deviceProduct } from './device-product.ts';
import { fixtureManifest, fixtureTensors } from './fixture.ts';
import { precisionRecall } from './precision-recall.ts';

test('precision and recall from products on the device, with blocks that do not divide the sets', async () => {
  const features = await fixtureTensors('metrics/features.safetensors');
  const { float64 } = fixtureManifest.results.precision_recall.small ?? {};
  using device = deviceProduct(startEngine({ threads: 1, device: 'cpu' }), 128, 48);
  const got = await precisionRecall(features('small_ref', 1 / 64), features('small_sample', 1 / 64), { block: 128, product: device.product });
  // Distances in float32: values on the edge of a ball may fall to either side.
  assert.ok(Math.abs(got.precision - (float64?.precision ?? NaN)) <= 0.0026, String(got.precision));
  assert.ok(Math.abs(got.recall - (float64?.recall ?? NaN)) <= 0.0026, String(got.recall));
});
