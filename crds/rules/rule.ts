import type { Schema, Validation } from '../openapi/schema.ts';

/** A CEL rule, written once: it goes into the CRD and is evaluated on the laptop (evaluate.ts). */
export interface Rule extends Validation {
  /** Where `self` is: field names from the resource's root, `[]` for the items of a list; '' is the resource itself. */
  readonly path: string;
}

/** A value that is always there stays as it is. */
export const UNCHANGED = 'self == oldSelf';

/** "let name = value in holds", which CEL has no other words for. Every look into an object of thirty fields costs the API server 10 us and 5 KB,
 *  whenever it writes a status; what is looked at twice is named once. */
export const letting = (name: string, value: string, holds: string): string => `[${value}].all(${name}, ${holds})`;

/** Hangs rules into a schema (which is changed).
 *  @throws Error when a path or fieldPath leads nowhere, a transition rule stands inside a list (old items cannot be found there) or a rule inside a default */
export function attach(schema: Schema, rules: readonly Rule[]): Schema {
  for (const { path, ...validation } of rules) {
    const parts = path === '' ? [] : path.replaceAll('[]', '.[]').split('.');
    if (parts.includes('[]') && isTransition(validation)) throw new Error(`Cannot attach rule "${validation.rule}": ${path} is inside a list, where oldSelf is not known. Put the rule above the list`);
    const target = descend(schema, parts, path);
    // The API server asks the rules of a default before it fills that in further, and refuses the CRD. That nothing has changed holds then, too.
    const outer = validation.rule === UNCHANGED ? -1 : parts.findIndex((_, index) => descend(schema, parts.slice(0, index + 1), path).default !== undefined);
    if (outer >= 0) throw new Error(`Cannot attach rule "${validation.rule}" at ${path}: ${parts.slice(0, outer + 1).join('.')} has a default. Put the rule above it`);
    // A rule about a change is not asked of a field that comes or goes.
    if (validation.rule === UNCHANGED && target.default === undefined && descend(schema, parts.slice(0, -1), path).required?.includes(parts.at(-1) ?? '') !== true) {
      throw new Error(`Cannot attach rule "${validation.rule}" at ${path}: it may be left out. Compare at the object that holds it`);
    }
    descend(target, validation.fieldPath?.slice(1).split('.') ?? [], `${path}${validation.fieldPath ?? ''}`);
    (target['x-kubernetes-validations'] ??= []).push(validation);
  }
  return schema;
}

function descend(schema: Schema, parts: readonly string[], whole: string): Schema {
  return parts.reduce<Schema>((current, part) => {
    const next = part === '[]' ? current.items : current.properties?.[part];
    if (next === undefined) throw new Error(`Cannot attach a rule at ${whole}: there is no "${part}". Correct the rule's path`);
    return next;
  }, schema);
}

/** A rule about a change. It is not asked when a resource is created. */
export const isTransition = (validation: Pick<Validation, 'rule'>): boolean => /\boldSelf\b/.test(validation.rule);
