import { stringify } from 'yaml';
import type { Resource } from '@srdit/crds';
import { gangOf } from '../plan/gang-of.ts';
import { objects, plan } from '../plan/plan.ts';
import { prerequisite } from '../plan/prerequisite.ts';
import { isSeries } from '../plan/series.ts';
import { DEFAULT_OPTIONS, type Observed } from '../plan/types.ts';
import { InputError } from './errors.ts';
import { readResources } from './resources.ts';

export interface RenderOptions { readonly attempt: string; readonly image?: string; readonly status: boolean }

/** YAML documents of all objects of the resources. */
export function render(files: readonly string[], options: RenderOptions): string {
  return readResources(files).flatMap((resource) => rendered(resource, options)).map((text) => `---\n${text}`).join('');
}

function rendered(resource: Resource, options: RenderOptions): string[] {
  const attempt = Number(options.attempt);
  if (!Number.isInteger(attempt) || attempt < 1) throw new InputError(`Cannot render attempt "${options.attempt}": attempts count from 1. Give --attempt a whole number`);
  const gang = gangOf(resource);
  const settings = { ...DEFAULT_OPTIONS, ...(options.image === undefined ? {} : { runtimeImage: options.image }) };
  const observed: Observed = { now: new Date().toISOString(), jobs: [], pods: [] };
  const waits = prerequisite(gang, observed) !== undefined;
  const note = waits ? `# checkpointUri is filled in when the training ${isSeries(gang) ? 'has a checkpoint that is its turn' : 'is complete'}; nothing is created before\n` : '';
  return [
    ...(options.status ? [stringify({ ...resource, status: plan(gang, observed, settings).status })] : []),
    ...objects(gang, observed, attempt, settings).map((object) => (object.kind === 'Job' ? note : '') + stringify(object, { lineWidth: 0, aliasDuplicateObjects: false })),
  ];
}
