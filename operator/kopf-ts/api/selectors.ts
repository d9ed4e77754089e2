/** Label and field selectors, as kubectl writes them. */
import type { KubeObject } from './objects.ts';

type Predicate = (object: KubeObject) => boolean;

/** `a=b`, `a==b`, `a!=b`, `a in (b,c)`, `a notin (b,c)`, `a`, `!a`, joined by commas. */
export function labelPredicate(selector: string): Predicate {
  const tests = selector.split(/,(?![^(]*\))/).map((part) => part.trim()).filter((part) => part !== '').map(requirement);
  return (object) => tests.every((test) => test(object.metadata.labels ?? {}));
}

function requirement(text: string): (labels: Readonly<Record<string, string>>) => boolean {
  const set = /^(\S+)\s+(in|notin)\s+\(([^)]*)\)$/.exec(text);
  if (set !== null) {
    const [, key = '', operator, list = ''] = set;
    const values = list.split(',').map((value) => value.trim());
    return (labels) => values.includes(labels[key] ?? '\0') === (operator === 'in');
  }
  const equality = /^([^!=]+)(!=|==|=)(.*)$/.exec(text);
  if (equality !== null) {
    const [, key = '', operator, value = ''] = equality.map((group) => group.trim());
    return (labels) => (labels[key] === value) === (operator !== '!=');
  }
  return text.startsWith('!') ? (labels) => labels[text.slice(1)] === undefined : (labels) => labels[text] !== undefined;
}

/** What every resource can be selected by, and events (events.k8s.io). */
const FIELDS = new Set(['metadata.name', 'metadata.namespace', 'regarding.kind', 'regarding.namespace', 'regarding.name', 'regarding.uid', 'reason', 'type', 'reportingController']);

/** Of the fields that the real server knows for other resources, none is known here. */
export function fieldPredicate(selector: string): Predicate {
  const tests = selector.split(',').filter((part) => part !== '').map((part): Predicate => {
    const [, field = '', operator, value = ''] = /^([^!=]+)(!=|==|=)(.*)$/.exec(part) ?? [];
    if (!FIELDS.has(field)) throw new TypeError(`field label not supported: ${field}`);
    const read = (object: KubeObject): unknown => field.split('.').reduce<unknown>((inner, name) => (inner as Record<string, unknown> | undefined)?.[name], object) ?? '';
    return (object) => (read(object) === value) === (operator !== '!=');
  });
  return (object) => tests.every((test) => test(object));
}
