/** Takes the few definitions that pod overrides need out of Kubernetes' own OpenAPI document.
 *
 *      node crds/kubernetes/extract.ts SWAGGER.json > crds/kubernetes/v1.34.json
 *
 *  SWAGGER.json is api/openapi-spec/swagger.json of the Go module k8s.io/kubernetes@v1.34.4 (go mod download k8s.io/kubernetes@v1.34.4).
 *  Descriptions go (kubectl explain pod.spec has them), references are put in place: a CRD schema must be structural. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
type JsonObject = { [key: string]: Json };

/** Definition -> properties to take (all when not given). What is absent on purpose: hostPath and every other volume that reaches
 *  into the node, claims and fileKeyRef (newer than the oldest Kubernetes that is supported). */
const WANTED: Record<string, readonly string[] | undefined> = {
  Toleration: undefined,
  Affinity: undefined,
  EnvVar: undefined,
  EnvVarSource: ['configMapKeyRef', 'fieldRef', 'resourceFieldRef', 'secretKeyRef'],
  Volume: ['name', 'configMap', 'csi', 'emptyDir', 'persistentVolumeClaim', 'secret'],
  VolumeMount: undefined,
  ResourceRequirements: ['limits', 'requests'],
  LocalObjectReference: undefined,
};
const ROOTS = ['Affinity', 'EnvVar', 'LocalObjectReference', 'ResourceRequirements', 'Toleration', 'Volume', 'VolumeMount'];

/** Lengths that the API server checks in code, not in its schema; CEL rules over these strings need the bound for their cost. */
const MAX_LENGTH: Record<string, number> = {
  'EnvVar.name': 256, 'EnvVar.value': 4096, 'Volume.name': 63, 'VolumeMount.name': 63, 'VolumeMount.mountPath': 1024,
};

const KEPT = new Set([
  'type', 'format', 'items', 'properties', 'required', 'additionalProperties', 'enum', 'default',
  'x-kubernetes-list-type', 'x-kubernetes-list-map-keys', 'x-kubernetes-map-type',
]);

/** Number or suffixed string, as controller-gen writes resource.Quantity into CRDs. */
const QUANTITY: JsonObject = {
  'anyOf': [{ type: 'integer' }, { type: 'string' }],
  'pattern': '^(\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))))?$',
  'x-kubernetes-int-or-string': true,
};

const isObject = (value: Json | undefined): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);

/** The schema with references put in place. owner is the short name of the definition that it belongs to. */
function inline(schema: JsonObject, owner: string, definitions: JsonObject): JsonObject {
  const reference = schema['$ref'];
  if (typeof reference === 'string') {
    const full = reference.replace('#/definitions/', '');
    const name = full.slice(full.lastIndexOf('.') + 1);
    if (name === 'Quantity') return QUANTITY;
    const target = definitions[full];
    if (!isObject(target)) throw new Error(`Cannot extract: definition "${full}" is missing from the OpenAPI document. Use the pinned one`);
    return inline(target, name, definitions);
  }
  const result: JsonObject = {};
  for (const [key, value] of Object.entries(schema)) {
    if (!KEPT.has(key)) continue;
    if (key === 'properties' && isObject(value)) result[key] = properties(value, owner, definitions);
    else if ((key === 'items' || key === 'additionalProperties') && isObject(value)) result[key] = inline(value, owner, definitions);
    else result[key] = value;
  }
  return result;
}

function properties(all: JsonObject, owner: string, definitions: JsonObject): JsonObject {
  const wanted = WANTED[owner];
  const result: JsonObject = {};
  for (const [name, schema] of Object.entries(all)) {
    if ((wanted !== undefined && !wanted.includes(name)) || !isObject(schema)) continue;
    const maxLength = MAX_LENGTH[`${owner}.${name}`];
    const inlined = inline(schema, owner, definitions);
    result[name] = maxLength === undefined ? inlined : { ...inlined, maxLength };
  }
  return result;
}

const file = process.argv[2];
if (file === undefined) throw new Error('Cannot extract: no file given. Usage: node crds/kubernetes/extract.ts SWAGGER.json');
const bytes = readFileSync(file);
const document = JSON.parse(bytes.toString('utf8')) as { info: { version: string }; definitions: JsonObject };
const definitions = Object.fromEntries(ROOTS.map((name) => [
  name, inline({ $ref: `#/definitions/io.k8s.api.core.v1.${name}` }, name, document.definitions),
]));
process.stdout.write(`${JSON.stringify({
  source: 'api/openapi-spec/swagger.json of the Go module k8s.io/kubernetes@v1.34.4, reduced by extract.ts',
  license: 'Apache-2.0, Copyright The Kubernetes Authors',
  sha256: createHash('sha256').update(bytes).digest('hex'),
  definitions,
}, null, 1)}\n`);
