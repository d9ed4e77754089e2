import { LineCounter, parseAllDocuments, type DocumentOptions, type ParseOptions, type SchemaOptions } from 'yaml';
import { offsetOf } from './openapi/locate.ts';
import { resourceSchema } from './crd.ts';
import { structural } from './openapi/convert.ts';
import { withDefaults } from './openapi/default.ts';
import { formatPath, isObject, type Problem, type Schema } from './openapi/schema.ts';
import { closest } from './openapi/suggest.ts';
import { show, validate } from './openapi/validate.ts';
import { API_VERSION, KINDS, Metadata, type Kind, type Resource } from './resource.ts';
import { blocksRules, brokenRules } from './rules/evaluate.ts';

/** A problem with the place in the file it comes from, lines from 1. */
export interface LocatedProblem extends Problem { readonly source?: string; readonly line?: number }

/** Resources that cannot be taken. The message has one line for each problem, `file:line: path: sentence`. */
export class ResourceError extends Error {
  override readonly name = 'ResourceError';
  readonly code = 'InvalidResource';
  readonly problems: readonly LocatedProblem[];
  constructor(problems: readonly LocatedProblem[]) {
    super(problems.map(sentence).join('\n'));
    this.problems = problems;
  }
}

function sentence({ source, line, path, message }: LocatedProblem): string {
  const where = source === undefined ? '' : line === undefined ? `${source}: ` : `${source}:${line}: `;
  const field = formatPath(path);
  // Rules are whole sentences, the schema's messages go on after the field: "spec.steps must be at least 1".
  const glue = field === '' ? '' : /^(must|is|repeats) /.test(message) ? ' ' : ': ';
  return `${where}${field}${glue}${message}`;
}

const localSchemas = new Map<Kind, Schema>();

/** The CRD's schema with metadata spelled out: in a cluster that part belongs to the API server. */
function localSchema(kind: Kind): Schema {
  const known = localSchemas.get(kind);
  if (known !== undefined) return known;
  const schema = resourceSchema(kind);
  // Managed fields are a tree of no fixed shape, which no structural schema describes; nobody writes them by hand.
  const described = structural(Metadata.omit({ managedFields: true }));
  described.properties = { ...described.properties, managedFields: { type: 'array' } };
  schema.properties = { ...schema.properties, metadata: described };
  schema.required = ['metadata', 'spec'];
  localSchemas.set(kind, schema);
  return schema;
}

/** Defaults and problems of one object that claims to be a resource. old: as it was before the change, for rules about changes. */
export function examine(object: unknown, old?: Resource): { readonly resource?: Resource; readonly problems: readonly Problem[] } {
  const stranger = notOurs(object);
  if (stranger !== undefined) return { problems: [stranger] };
  const schema = localSchema((object as { kind: Kind }).kind);
  const value = withDefaults(schema, object);
  const found = validate(schema, value);
  const problems = blocksRules(found) ? found : [...found, ...brokenRules(schema, value, old)];
  // The schema that was just checked is made from the type.
  return problems.length > 0 ? { problems } : { resource: value as Resource, problems };
}

function notOurs(object: unknown): Problem | undefined {
  if (!isObject(object)) return { path: [], reason: 'FieldValueTypeInvalid', message: `A resource must be a map of fields, is ${show(object)}` };
  const { apiVersion, kind } = object;
  if (typeof kind !== 'string' || !(KINDS as readonly string[]).includes(kind)) {
    const near = typeof kind === 'string' ? closest(kind, KINDS) : undefined;
    const reason = kind === undefined ? 'FieldValueRequired' : 'FieldValueNotSupported';
    return { path: ['kind'], reason, message: `must be ${KINDS.join(' or ')}, is ${show(kind ?? null)}${near === undefined ? '' : ` (did you mean "${near}"?)`}` };
  }
  if (apiVersion === API_VERSION) return undefined;
  return { path: ['apiVersion'], reason: apiVersion === undefined ? 'FieldValueRequired' : 'FieldValueNotSupported', message: `must be ${API_VERSION}, is ${show(apiVersion ?? null)}` };
}

/** The resource with defaults, as the API server would store it.
 *  @throws ResourceError */
export function parseResource(object: unknown, old?: Resource): Resource {
  const { resource, problems } = examine(object, old);
  if (resource === undefined) throw new ResourceError(problems);
  return resource;
}

/** kubectl reads YAML 1.1 (yes and on are true), but takes neither 12:30 for a number nor 2026-01-31 for a time, and knows 0o17. */
const AS_KUBECTL: ParseOptions & DocumentOptions & SchemaOptions = {
  version: '1.1',
  customTags: (tags) => [
    { tag: 'tag:yaml.org,2002:int', default: true, test: /^[-+]?0o[0-7]+$/, resolve: (text: string) => Number.parseInt(text.replace('0o', ''), 8) },
    ...tags.filter((tag) => typeof tag === 'string' || (tag.tag !== 'tag:yaml.org,2002:timestamp' && tag.format !== 'TIME')),
  ],
};

/** All resources of a YAML text of one or more documents, with defaults. source: what messages call the text, a file name.
 *  @throws ResourceError that holds the problems of all documents */
export function parseResources(yamlText: string, source: string): Resource[] {
  const lines = new LineCounter();
  const documents = parseAllDocuments(yamlText, { lineCounter: lines, prettyErrors: false, ...AS_KUBECTL });
  const resources: Resource[] = [];
  const problems: LocatedProblem[] = [];
  for (const document of 'empty' in documents ? [] : documents) {
    const [error] = document.errors;
    if (error !== undefined) {
      problems.push({ path: [], reason: 'FieldValueInvalid', message: `Cannot read YAML: ${error.message}`, source, line: lines.linePos(error.pos[0]).line });
      continue;
    }
    const object: unknown = document.toJS();
    if (object === null) continue;
    const examined = examine(object);
    if (examined.resource !== undefined) resources.push(examined.resource);
    for (const problem of examined.problems) {
      const offset = offsetOf(document, problem.path);
      problems.push({ ...problem, source, ...(offset === undefined ? {} : { line: lines.linePos(offset).line }) });
    }
  }
  if (problems.length > 0) throw new ResourceError(problems);
  if (resources.length === 0) throw new ResourceError([{ path: [], reason: 'FieldValueRequired', message: `Cannot find a resource: the text is empty. Write an ${KINDS.join(' or ')}`, source }]);
  return resources;
}
