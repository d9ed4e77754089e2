import { didYouMean } from './suggest.ts';
import { formatPath, isObject, type Path, type Problem, type Reason, type Schema } from './schema.ts';

/** RFC 3339, as the API server's format date-time. */
const DATE_TIME = /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])[Tt]([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d+)?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)$/;

/** What is wrong with a defaulted value, in the order of the schema. Causes (reason and path) are the API server's;
 *  the sentences are ours. Unknown fields are problems too, as with kubectl's strict validation. */
export function validate(root: Schema, value: unknown): Problem[] {
  const problems: Problem[] = [];
  check(root, root, value, [], problems);
  return problems;
}

type Report = (reason: Reason, message: string, at?: Path) => void;

function check(root: Schema, schema: Schema, value: unknown, path: Path, problems: Problem[]): void {
  const report: Report = (reason, message, at = path) => problems.push({ path: at, reason, message });
  if (!hasType(schema, value)) {
    report('FieldValueTypeInvalid', `must be ${typeName(schema)}, is ${show(value)}`);
    return;
  }
  if (schema.enum !== undefined && !schema.enum.includes(value)) {
    report('FieldValueNotSupported', `must be one of ${schema.enum.map(show).join(', ')}, is ${show(value)}`);
  }
  if (typeof value === 'number') checkNumber(schema, value, report);
  else if (typeof value === 'string') checkString(schema, value, report);
  else if (Array.isArray(value)) {
    checkList(schema, value, path, report);
    const items = schema.items;
    if (items !== undefined) value.forEach((item, index) => { check(root, items, item, [...path, index], problems); });
  } else if (isObject(value)) checkObject(root, schema, value, path, problems, report);
}

function checkNumber(schema: Schema, value: number, report: Report): void {
  const { minimum, maximum } = schema;
  if (minimum !== undefined && (schema.exclusiveMinimum === true ? value <= minimum : value < minimum)) {
    report('FieldValueInvalid', `must be ${schema.exclusiveMinimum === true ? 'greater than' : 'at least'} ${minimum}, is ${value}`);
  }
  if (maximum !== undefined && (schema.exclusiveMaximum === true ? value >= maximum : value > maximum)) {
    report('FieldValueInvalid', `must be ${schema.exclusiveMaximum === true ? 'less than' : 'at most'} ${maximum}, is ${value}`);
  }
}

function checkString(schema: Schema, value: string, report: Report): void {
  const length = [...value].length;
  if (schema.minLength !== undefined && length < schema.minLength) {
    report('FieldValueInvalid', schema.minLength === 1 ? 'must not be empty' : `must have at least ${schema.minLength} characters, has ${length}`);
  }
  if (schema.maxLength !== undefined && length > schema.maxLength) {
    report('FieldValueTooLong', `must have at most ${schema.maxLength} characters, has ${length}`);
  }
  if (schema.pattern !== undefined && !new RegExp(schema.pattern, 'u').test(value)) {
    report('FieldValueInvalid', `must match ${schema.pattern}, is ${show(value)}`);
  }
  if (schema.format === 'date-time' && !DATE_TIME.test(value)) {
    report('FieldValueInvalid', `must be a time such as "2026-01-31T12:00:00Z", is ${show(value)}`);
  }
}

function checkList(schema: Schema, value: readonly unknown[], path: Path, report: Report): void {
  if (schema.minItems !== undefined && value.length < schema.minItems) {
    report('FieldValueInvalid', `must have at least ${schema.minItems} items, has ${value.length}`);
  }
  if (schema.maxItems !== undefined && value.length > schema.maxItems) {
    report('FieldValueTooMany', `must have at most ${schema.maxItems} items, has ${value.length}`);
  }
  const keys = schema['x-kubernetes-list-map-keys'];
  if (schema['x-kubernetes-list-type'] !== 'map' || keys === undefined) return;
  const seen = new Set<string>();
  value.forEach((item, index) => {
    if (!isObject(item)) return;
    const key = JSON.stringify(keys.map((name) => item[name]));
    if (seen.has(key)) report('FieldValueDuplicate', `repeats ${keys.map((name) => `${name} ${show(item[name])}`).join(', ')}`, [...path, index]);
    seen.add(key);
  });
}

function checkObject(root: Schema, schema: Schema, value: Record<string, unknown>, path: Path, problems: Problem[], report: Report): void {
  const properties = schema.properties ?? {};
  for (const name of schema.required ?? []) {
    if (value[name] === undefined) report('FieldValueRequired', `is required${hint(properties[name])}`, [...path, name]);
  }
  if (schema.maxProperties !== undefined && Object.keys(value).length > schema.maxProperties) {
    report('FieldValueTooMany', `must have at most ${schema.maxProperties} entries, has ${Object.keys(value).length}`);
  }
  for (const [name, member] of Object.entries(value)) {
    const child = Object.hasOwn(properties, name) ? properties[name] : schema.additionalProperties;
    if (child !== undefined) check(root, child, member, [...path, name], problems);
    else report('UnknownField', `is no field of ${formatPath(path) || 'a resource'}${didYouMean(root, Object.keys(properties), name)}`, [...path, name]);
  }
}

const hint = (schema: Schema | undefined): string => (schema?.description === undefined ? '' : `: ${schema.description}`);

function hasType(schema: Schema, value: unknown): boolean {
  if (schema['x-kubernetes-int-or-string'] === true) return typeof value === 'string' || Number.isInteger(value);
  switch (schema.type) {
    case 'object': return isObject(value);
    case 'array': return Array.isArray(value);
    case 'integer': return Number.isInteger(value);
    case 'number': return typeof value === 'number' && Number.isFinite(value);
    case 'string': return typeof value === 'string';
    case 'boolean': return typeof value === 'boolean';
    case undefined: return true;
    default: return schema.type satisfies never;
  }
}

function typeName(schema: Schema): string {
  if (schema['x-kubernetes-int-or-string'] === true) return 'a whole number or a string';
  switch (schema.type) {
    case 'object': return 'a map of fields';
    case 'array': return 'a list';
    case 'integer': return 'a whole number';
    case 'number': return 'a number';
    case 'string': return 'a string';
    case 'boolean': return 'true or false';
    case undefined: return 'any value';
    default: return schema.type satisfies never;
  }
}

/** A value as it would stand in JSON, cut where it gets long. */
export function show(value: unknown): string {
  const text = typeof value === 'bigint' || value === undefined || (typeof value === 'number' && !Number.isFinite(value)) ? String(value) : JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
