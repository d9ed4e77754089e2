import { stringify } from 'yaml';
import { KINDS, type Kind } from '@srdit/crds';
import { layout, type Layout } from '../local/files.ts';
import { keyOf, load, loadAll, type Stored } from '../local/state.ts';
import { statusTable } from '../local/table.ts';
import { InputError } from './errors.ts';
import { readResources } from './resources.ts';

export interface StatusOptions {
  readonly kind?: string; readonly name?: string; readonly filename?: readonly string[];
  readonly output?: 'json' | 'yaml'; readonly namespace: string; readonly root: string;
}

/** "training", "trainings" and "SRDiTTraining" are one kind. */
function kindOf(text: string): Kind {
  const wanted = text.toLowerCase().replace(/s$/, '');
  const kind = KINDS.find((one) => one.toLowerCase() === wanted || one.toLowerCase() === `srdit${wanted}`);
  if (kind === undefined) throw new InputError(`Cannot show "${text}": the kinds are training and evaluation. Say ./srdit status training NAME`);
  return kind;
}

function chosen(options: StatusOptions, places: Layout): Stored[] {
  const { kind, name, filename, namespace } = options;
  if (filename !== undefined) {
    return readResources(filename).map((resource) => {
      const stored = load(places, keyOf(resource));
      if (stored === undefined) throw new InputError(`Cannot show ${resource.kind} "${resource.metadata.name}": it was never run here. Run it with ./srdit run -f FILE`);
      return stored;
    });
  }
  const all = loadAll(places);
  if (kind === undefined) return all;
  const ofKind = all.filter((stored) => stored.kind === kindOf(kind));
  if (name === undefined) return ofKind;
  const one = ofKind.find((stored) => stored.metadata.name === name && stored.metadata.namespace === namespace);
  if (one === undefined) throw new InputError(`Cannot show ${kindOf(kind)} "${name}": there is none in namespace "${namespace}" below "${places.root}". Say ./srdit status for all there are`);
  return [one];
}

/** `srdit status`: a table, or whole resources. */
export function showStatus(options: StatusOptions, write: (text: string) => void): void {
  const places = layout(options.root);
  const resources = chosen(options, places);
  const single = options.name !== undefined ? resources[0] : undefined;
  switch (options.output) {
    case 'json': write(`${JSON.stringify(single ?? { apiVersion: 'v1', kind: 'List', items: resources }, null, 2)}\n`); break;
    case 'yaml': write(resources.map((resource) => stringify(resource)).join('---\n')); break;
    case undefined:
      write(resources.length === 0 ? `Nothing was run below "${places.root}" yet. Begin with ./srdit quickstart or ./srdit run -f FILE\n` : `${statusTable(resources, places, new Date().toISOString()).join('\n')}\n`);
      break;
    default: options.output satisfies never;
  }
}
