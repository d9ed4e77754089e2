import assert from 'node:assert/strict';
import { REGISTRY } from '../images.ts';
import { eventually } from '../eventually.ts';
import type { Scenario } from '../scenario.ts';
import { version } from '../version.ts';

interface Pod { status: { containerStatuses?: { state: { waiting?: { message?: string }; terminated?: { exitCode: number; message?: string } } }[] } }

const RESTRICTED = { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } };
const pod = (name: string, container: object): object => ({
  apiVersion: 'v1', kind: 'Pod', metadata: { name },
  spec: {
    restartPolicy: 'Never', automountServiceAccountToken: false, securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
    volumes: [{ name: 'tmp', emptyDir: {} }],
    containers: [{ name: 'c', image: `${REGISTRY}srdit-runtime:${version}`, securityContext: RESTRICTED, volumeMounts: [{ name: 'tmp', mountPath: '/tmp' }], ...container }],
  },
});

/** Multiplies two matrices, so that TensorFlow is loaded and works; says who it is. */
const PROBE = `
const { startEngine } = await import('/srdit/runtime/engine/index.js');
const engine = await startEngine({ threads: 1, device: 'cpu' });
console.log(JSON.stringify({ uid: process.getuid(), device: engine.device, node: process.version }));
process.exit(0);`;

export default {
  title: 'the runtime image runs as nobody on a read-only root: TensorFlow starts in it, and a wrong configuration ends with 64 and a sentence',
  needs: ['runtime'],
  async run({ apply, get, kubectl }) {
    await apply(
      pod('empty', { command: ['srdit-runtime', 'worker'], env: [{ name: 'SRDIT_TERMINATION_LOG', value: '/dev/termination-log' }] }),
      pod('engine', { command: ['node', '--input-type=module', '-e', PROBE] }),
    );
    const ended = (name: string) => eventually(`the end of pod ${name}`, 120, async () => {
      const { waiting, terminated } = (await get<Pod>('pod', name)).status.containerStatuses?.[0]?.state ?? {};
      // Told if it stays so: the kubelet's reason not to start it.
      if (waiting?.message !== undefined) throw new Error(waiting.message);
      return terminated;
    });
    const empty = await ended('empty');
    assert.equal(empty.exitCode, 64);
    const word = JSON.parse(empty.message ?? '') as { message: string };
    assert.match(word.message, /SRDIT_RUN is missing/);
    const engine = await ended('engine');
    const log = await kubectl('logs', 'engine');
    assert.equal(engine.exitCode, 0, log);
    const said = JSON.parse(log.trim().split('\n').at(-1) ?? '') as { uid: number; device: string };
    assert.deepEqual([said.uid, said.device.toLowerCase()], [65532, 'cpu']);
  },
} satisfies Scenario;
