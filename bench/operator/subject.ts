/** An operator under test: ours, or a peer that makes the same gang of a Service, an Indexed Job and eight pods. */
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { resource, type KubeObject, type Resource } from 'kopf-ts';
import { OPERATOR_NODE_OPTIONS } from '../../images/config.ts';
import { laidOut } from '../../images/laid-out.ts';
import type { ControlPlane } from './control-plane.ts';
import { Measured } from './process.ts';
import type { Metrics } from './scrape.ts';

export interface Subject {
  readonly name: string;
  readonly gangs: Resource<KubeObject>;
  /** Container of its pods. */
  readonly container: string;
  /** Where it serves Prometheus metrics of controller-runtime's names. */
  metrics?(plane: ControlPlane): Metrics;
  crds(): Promise<readonly KubeObject[]>;
  manifest(name: string): KubeObject;
  start(plane: ControlPlane): Promise<Measured>;
}

export const NAMESPACE = 'default';
export const WORKERS = 8;

const ROOT = join(import.meta.dirname, '../..');
const METRICS_PORT = 18_080;

/** Written once a control plane: what an image holds is there before its process starts. */
const programs = new WeakMap<ControlPlane, string>();
function programOf(plane: ControlPlane): string {
  const program = programs.get(plane) ?? laidOut(ROOT, 'operator/controller/main.ts', mkdtempSync(join(plane.folder, 'image-')));
  programs.set(plane, program);
  return program;
}

export const srdit: Subject = {
  name: 'srdit-operator',
  gangs: resource<KubeObject>('srdit.dev/v1alpha1', 'SRDiTTraining', 'srdittrainings'),
  container: 'runtime',
  metrics: () => ({ url: `http://127.0.0.1:${METRICS_PORT}/metrics`, controller: 'srdittrainings.srdit.dev' }),
  crds: () => Promise.resolve(readdirSync(join(ROOT, 'crds/generated')).map((file) => parse(readFileSync(join(ROOT, 'crds/generated', file), 'utf8')) as KubeObject)),
  // As users write it, without its defaults.
  manifest: (name) => ({
    metadata: { name, namespace: NAMESPACE },
    spec: {
      model: { preset: 'SiT-B/1' }, batchSize: 64, steps: 1000, data: { uri: 'file:///data/packed' }, storage: { uri: `file:///runs/${name}` }, image: 'none',
      gang: { workers: WORKERS, maxRestarts: 10, backoffSeconds: 0, gpu: { perRank: 0 } },
    },
  } as KubeObject),
  start: (plane) => Promise.resolve(new Measured([process.execPath, programOf(plane)], {
    KUBECONFIG: '', ...plane.asInPod(), NODE_OPTIONS: OPERATOR_NODE_OPTIONS, SRDIT_METRICS_PORT: String(METRICS_PORT), SRDIT_PROBE_PORT: String(METRICS_PORT + 1), SRDIT_LEASE: '', SRDIT_NAMESPACES: '',
  }, join(plane.folder, 'operator.log'))),
};
