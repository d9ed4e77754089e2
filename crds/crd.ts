import { structural } from './openapi/convert.ts';
import type { Schema } from './openapi/schema.ts';
import { API_VERSION, GROUP, SRDiTEvaluation, SRDiTTraining, VERSION, type Kind } from './resource.ts';
import { attach, type Rule } from './rules/rule.ts';
import { evaluationRules } from './rules/evaluation.ts';
import { trainingRules } from './rules/training.ts';

interface PrinterColumn { name: string; type: 'string' | 'integer' | 'number' | 'date'; jsonPath: string; description?: string; priority?: number }

interface KindDescription {
  readonly type: typeof SRDiTTraining | typeof SRDiTEvaluation;
  readonly rules: readonly Rule[];
  readonly plural: string;
  readonly shortName: string;
  readonly columns: readonly PrinterColumn[];
}

const state: PrinterColumn = { name: 'State', type: 'string', jsonPath: '.status.state' };
/** Columns that `kubectl get` shows last; priority 1 = only with -o wide. */
const common: readonly PrinterColumn[] = [
  { name: 'Img/s', type: 'number', jsonPath: '.status.progress.imagesPerSecond', description: 'Pictures a second over all ranks' },
  { name: 'Restarts', type: 'integer', jsonPath: '.status.restarts.charged', description: 'Restarts that count against gang.maxRestarts' },
  { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  { name: 'ETA', type: 'integer', jsonPath: '.status.progress.etaSeconds', description: 'Seconds left at the present rate', priority: 1 },
];

export const KIND: Readonly<Record<Kind, KindDescription>> = {
  SRDiTTraining: {
    type: SRDiTTraining, rules: trainingRules, plural: 'srdittrainings', shortName: 'srdt',
    columns: [
      state,
      { name: 'Step', type: 'integer', jsonPath: '.status.progress.step' },
      { name: 'Progress', type: 'integer', jsonPath: '.status.progress.percent', description: 'Per cent of spec.steps' },
      { name: 'Loss', type: 'number', jsonPath: '.status.progress.lossEma', description: 'Smoothed loss' },
      ...common,
      { name: 'Last checkpoint', type: 'integer', jsonPath: '.status.checkpoints.last.step', description: 'Step of the newest complete checkpoint', priority: 1 },
    ],
  },
  SRDiTEvaluation: {
    type: SRDiTEvaluation, rules: evaluationRules, plural: 'srditevaluations', shortName: 'srde',
    columns: [
      state,
      { name: 'Step', type: 'integer', jsonPath: '.status.results[0].step', description: 'Step of the checkpoint that was measured' },
      { name: 'Progress', type: 'integer', jsonPath: '.status.progress.percent', description: 'Per cent of spec.count' },
      { name: 'FD', type: 'number', jsonPath: '.status.results[0].frechetDistance', description: 'Frechet distance in the space of spec.features' },
      ...common,
      { name: 'Checkpoint', type: 'string', jsonPath: '.status.results[0].checkpoint', priority: 1 },
    ],
  },
};

/** Structural schema of a whole resource, rules included, as it stands in the CRD. */
export function resourceSchema(kind: Kind): Schema {
  const { type, rules } = KIND[kind];
  const { spec, status } = type.shape;
  const root: Schema = {
    ...(type.description === undefined ? {} : { description: type.description }),
    type: 'object',
    required: ['spec'],
    properties: {
      apiVersion: { type: 'string', description: API_VERSION },
      kind: { type: 'string', description: kind },
      metadata: { type: 'object' },
      spec: { description: 'What is asked for', ...structural(spec) },
      status: { description: 'What is the case; written by the operator', ...structural(status.unwrap()) },
    },
  };
  return attach(root, rules);
}

/** What the status of a resource is that no operator has looked at. Without it kstatus, hence Flux, would call a resource that was just applied current. */
const UNSEEN = { observedGeneration: -1 };

/** The CustomResourceDefinition as an object. */
export function customResourceDefinition(kind: Kind): Record<string, unknown> {
  const { plural, shortName, columns } = KIND[kind];
  const schema = resourceSchema(kind);
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${GROUP}` },
    spec: {
      group: GROUP,
      scope: 'Namespaced',
      names: { kind, listKind: `${kind}List`, plural, singular: kind.toLowerCase(), shortNames: [shortName], categories: ['srdit'] },
      versions: [{
        name: VERSION, served: true, storage: true,
        subresources: { status: {} },
        additionalPrinterColumns: columns,
        schema: { openAPIV3Schema: { ...schema, properties: { ...schema.properties, status: { ...schema.properties?.['status'], default: UNSEEN } } } },
      }],
    },
  };
}
