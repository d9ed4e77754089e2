/** Two replicas, and an operator that sees the past: only who knows the present may write. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NotLeaderError, type Resource } from 'kopf-ts';
import { Freezer } from 'kopf-ts/testing';
import { trainings } from './kubernetes.ts';
import { NAMESPACE, RESOURCES, World } from './testing/world.ts';

const elected = { leaderElection: { namespace: NAMESPACE } } as const;

test('when the leader is frozen past its lease, the other goes on, and nothing that the old one does takes effect', async () => {
  const world = new World({ life: ({ attempt }) => (attempt === 1 ? { after: 30_000, exitCode: 137 } : { after: 60_000, exitCode: 0 }) });
  const freezer = new Freezer();
  world.train('t');
  let thawed = false;
  const late: string[] = [];
  const first = world.start({
    ...elected, wrap: (transport) => freezer.transport({
      ...transport,
      send: (request) => {
        if (thawed && request.method !== 'GET') late.push(`${request.method} ${request.path}`);
        return transport.send(request);
      },
    }), clock: (clock) => freezer.clock(clock),
  });
  await world.reaches('t', 'Running');
  const second = world.start(elected);
  await world.clock.advance(5000);
  assert.deepEqual([first.operator.leads, second.operator.leads], [true, false]);
  freezer.freeze();
  await world.reaches('t', 'Restarting');
  assert.equal(second.operator.leads, true);
  await world.clock.advance(3000);
  thawed = true;
  freezer.thaw();
  const error = await Promise.race([first.ended, world.clock.advance(100).then(() => 'it goes on')]);
  assert.ok(error instanceof NotLeaderError, String(error));
  assert.deepEqual(late, [], 'not even sent');
  await world.reaches('t', 'Complete');
  assert.deepEqual([world.status('t').attempt, world.status('t').restarts?.charged, world.law.breaches], [2, 1, []]);
  assert.deepEqual(world.law.begun.get('lab/SRDiTTraining/t'), [1, 2]);
  await second.stop();
});

test('an ended leader hands over at once', async () => {
  const world = new World({ life: () => 'runs' });
  const first = world.start(elected);
  await world.clock.advance(1000);
  const second = world.start(elected);
  await world.clock.advance(1000);
  await first.stop();
  world.train('t');
  await world.clock.advance(5000);
  assert.equal(world.status('t').state, 'Running');
  await second.stop();
});

test('a status that was planned from an older version of the object is refused, and planned again', async () => {
  const world = new World({ life: () => 'runs' });
  world.train('t');
  const operator = world.start();
  await world.reaches('t', 'Running');
  // The watch of trainings lags; the pods' does not.
  world.server.faults.add({ kind: 'slow', milliseconds: 2000 }, { when: ({ verb, resource }) => verb === 'watch' && resource.startsWith('srdittrainings'), times: 1 });
  operator.process.kill();
  const again = world.start();
  await world.clock.advance(8000);
  world.server.requests.clear();
  world.patch('t', { suspend: true });
  const pods = world.kubelets.podsOf('t', 1);
  assert.equal(pods.length, 2);
  world.kubelets.end(pods[0] ?? { metadata: {} }, { after: 0, exitCode: 137 });
  await world.clock.advance(3000);
  assert.equal(world.status('t').state, 'Running', 'planned without knowing of spec.suspend, and refused');
  assert.ok((world.server.requests.get('apply srdittrainings.srdit.dev/status') ?? 0) > 1);
  assert.deepEqual(world.told('t').filter((text) => text.startsWith('ReconcileFailed')), [], 'a passing conflict is nobody\'s business');
  await world.reaches('t', 'Suspended');
  assert.deepEqual([world.status('t').attempt, world.status('t').restarts?.charged], [1, 0]);
  await again.stop();
});

test('a resource that is deleted while it is reconciled leaves nothing', async () => {
  const world = new World();
  const operator = world.start();
  await world.clock.advance(100);
  world.train('t');
  let writes = 0;
  world.server.database.subscribe(({ resource, type }) => {
    if (resource === 'services' && type === 'ADDED' && (writes += 1) === 1) world.clock.after(0, () => { world.server.delete(trainings, `${NAMESPACE}/t`); });
  });
  await world.clock.advance(60_000);
  assert.deepEqual(RESOURCES.filter(({ kind }) => kind !== 'Event').flatMap((resource) => world.server.list(resource as Resource)).map(({ metadata }) => metadata.name), []);
  await operator.stop();
});
