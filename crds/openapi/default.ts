import { isObject, type Schema } from './schema.ts';

/** The value with defaults filled in, as the API server does it: a null where null is not allowed counts as absent,
 *  a default is put in where the property is absent, and then looked into (so `{}` as default gets its own defaults).
 *  The argument is not changed. */
export function withDefaults(schema: Schema, value: unknown): unknown {
  if (Array.isArray(value)) {
    const items = schema.items;
    return items === undefined ? value : value.map((item) => withDefaults(items, item));
  }
  if (!isObject(value)) return value;
  const result: Record<string, unknown> = {};
  for (const [name, member] of Object.entries(value)) {
    const child = schema.properties?.[name] ?? schema.additionalProperties;
    // Only declared schemas drop nulls: what stays unknown is refused later.
    if (member === null && child !== undefined) continue;
    result[name] = child === undefined ? member : withDefaults(child, member);
  }
  for (const [name, child] of Object.entries(schema.properties ?? {})) {
    if (result[name] === undefined && child.default !== undefined) result[name] = withDefaults(child, structuredClone(child.default));
  }
  return result;
}
