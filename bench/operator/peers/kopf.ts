/** A gang operator as kopf's documentation teaches one (kopf/gang.py), in Python. */
import { join } from 'node:path';
import { resource, type KubeObject } from 'kopf-ts';
import { cached, digest } from '../../../e2e/cluster/cache.ts';
import { command } from '../../../e2e/cluster/command.ts';
import { AUDITED } from '../control-plane.ts';
import { Measured } from '../process.ts';
import { NAMESPACE, WORKERS, type Subject } from '../subject.ts';

const PACKAGES = ['kopf==1.45.2', 'kubernetes==37.0.0'];

/** Python of a virtual environment with kopf, made once. Its scripts name the folder it was made in, so kopf is run as a module. */
export const kopfPython = async (): Promise<string> => join(await cached('peer-kopf', digest([], ...PACKAGES), 'venv', async (place) => {
  await command('python3', ['-m', 'venv', place], { seconds: 300 });
  await command(join(place, 'bin/python'), ['-m', 'pip', '-q', 'install', ...PACKAGES], { seconds: 900 });
}), 'bin/python');

const schema = {
  type: 'object', properties: {
    spec: { type: 'object', required: ['replicas', 'image'], properties: { replicas: { type: 'integer', minimum: 1 }, maxRestarts: { type: 'integer', default: 3 }, image: { type: 'string' } } },
    status: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
  },
};

export const kopf: Subject = {
  name: 'kopf',
  gangs: resource<KubeObject>('peers.example/v1', 'Gang', 'gangs'),
  container: 'w',
  crds: () => Promise.resolve([{
    metadata: { name: 'gangs.peers.example' },
    spec: {
      group: 'peers.example', scope: 'Namespaced', names: { plural: 'gangs', singular: 'gang', kind: 'Gang' },
      versions: [{ name: 'v1', served: true, storage: true, subresources: { status: {} }, schema: { openAPIV3Schema: schema } }],
    },
  } as KubeObject]),
  manifest: (name) => ({ metadata: { name, namespace: NAMESPACE }, spec: { replicas: WORKERS, maxRestarts: 10, image: 'none' } } as KubeObject),
  start: async (plane) => new Measured([await kopfPython(), '-m', 'kopf', 'run', '--standalone', '--quiet', '-n', NAMESPACE, join(import.meta.dirname, 'kopf/gang.py')],
    { KUBECONFIG: plane.kubeconfig(AUDITED) }, join(plane.folder, 'operator.log')),
};
