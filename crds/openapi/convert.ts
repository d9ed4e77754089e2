import * as z from 'zod';
import kubernetes from '../kubernetes/v1.34.json' with { type: 'json' };
import { isObject, type JsonObject, type Schema } from './schema.ts';

const definitions = kubernetes.definitions as unknown as Record<string, Schema>;

/** Keywords a structural schema may carry, in the order they are written. Anything else is an error, not silently dropped:
 *  a rule that the laptop checks and the cluster does not would be worse than none. */
const KEYWORDS = [
  'description', 'type', 'format', 'default', 'enum', 'pattern', 'minimum', 'exclusiveMinimum', 'maximum', 'exclusiveMaximum',
  'minLength', 'maxLength', 'minItems', 'maxItems', 'maxProperties',
  'x-kubernetes-list-type', 'x-kubernetes-list-map-keys', 'x-kubernetes-map-type', 'required', 'properties', 'additionalProperties', 'items',
] as const;

/** Structural OpenAPI v3.0 schema of a zod type, as a client writes it (fields with defaults are optional).
 *  `.meta({ kubernetes: 'Toleration' })` stands for the definition of that name in the pinned Kubernetes OpenAPI.
 *  @throws Error when the type has no structural form */
export function structural(type: z.ZodType): Schema {
  const schema = z.toJSONSchema(type, { target: 'openapi-3.0', io: 'input', unrepresentable: 'any', reused: 'inline', cycles: 'throw' });
  return convert(schema, 'schema');
}

function convert(source: JsonObject, where: string): Schema {
  if (typeof source['kubernetes'] === 'string') return embedded(source['kubernetes'], source['description'], where);
  const result: JsonObject = {};
  for (const keyword of KEYWORDS) {
    const value = source[keyword];
    if (value === undefined) continue;
    if (keyword === 'properties') result[keyword] = convertAll(value as JsonObject, where);
    else if (keyword === 'items' || keyword === 'additionalProperties') result[keyword] = convert(value as JsonObject, `${where}[]`);
    // zod states the range of safe integers where no bound was given; and its pattern of date-time repeats the format.
    else if ((keyword === 'minimum' || keyword === 'maximum') && Math.abs(value as number) === Number.MAX_SAFE_INTEGER) continue;
    else if (keyword === 'pattern' && source['format'] !== undefined) continue;
    else result[keyword] = value;
  }
  const foreign = Object.keys(source).filter((key) => !(KEYWORDS as readonly string[]).includes(key) && key !== '$schema');
  if (result['additionalProperties'] !== undefined) foreign.splice(0, foreign.length, ...foreign.filter((key) => key !== 'propertyNames'));
  if (foreign.length > 0) throw new Error(`Cannot convert ${where}: "${foreign.join('", "')}" has no structural form. Use an object, array, enum or number`);
  if (result['type'] === undefined) throw new Error(`Cannot convert ${where}: it has no type. Give it a zod type that JSON has, or .meta({ kubernetes: ... })`);
  return result;
}

const convertAll = (properties: JsonObject, where: string): Record<string, Schema> =>
  Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, convert(isObject(schema) ? schema : {}, `${where}.${name}`)]));

function embedded(name: string, description: unknown, where: string): Schema {
  const definition = definitions[name];
  if (definition === undefined) throw new Error(`Cannot convert ${where}: kubernetes/v1.34.json has no definition "${name}". Add it to extract.ts`);
  // A copy: the caller hangs rules into it.
  const copy = structuredClone(definition);
  return typeof description === 'string' ? { description, ...copy } : copy;
}
