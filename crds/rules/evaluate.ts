import { Environment } from '@marcbachmann/cel-js';
import { isObject, type JsonObject, type Path, type Problem, type Schema, type Validation } from '../openapi/schema.ts';
import { isTransition } from './rule.ts';

const environment = new Environment().registerVariable('self', 'dyn').registerVariable('oldSelf', 'dyn');

type Program = (variables: { self: unknown; oldSelf?: unknown }) => unknown;
const programs = new Map<string, Program>();

function program(rule: string): Program {
  const known = programs.get(rule);
  if (known !== undefined) return known;
  const parsed = environment.parse(rule) as Program;
  programs.set(rule, parsed);
  return parsed;
}

/** Causes after which the API server does not ask the rules: values they read may be missing or of a wrong type. */
const BLOCKING: ReadonlySet<string> = new Set(['FieldValueRequired', 'FieldValueNotSupported', 'FieldValueTypeInvalid', 'FieldValueTooLong', 'FieldValueTooMany', 'UnknownField']);
export const blocksRules = (problems: readonly Problem[]): boolean => problems.some((problem) => BLOCKING.has(problem.reason));

/** The rules of the schema that a defaulted value breaks. old: the value before the change; without it rules about changes are not asked. */
export function brokenRules(schema: Schema, value: unknown, old?: unknown): Problem[] {
  const problems: Problem[] = [];
  visit(schema, value, old, [], problems);
  return problems;
}

function visit(schema: Schema, value: unknown, old: unknown, path: Path, problems: Problem[]): void {
  for (const validation of schema['x-kubernetes-validations'] ?? []) {
    if (isTransition(validation) && old === undefined) continue;
    const problem = ask(validation, schema, value, old, path);
    if (problem !== undefined) problems.push(problem);
  }
  if (Array.isArray(value)) {
    const items = schema.items;
    // Old items are not looked for: attach() allows no transition rule in lists.
    if (items !== undefined) value.forEach((item, index) => { visit(items, item, undefined, [...path, index], problems); });
  } else if (isObject(value)) {
    for (const [name, child] of Object.entries(schema.properties ?? {})) {
      if (value[name] !== undefined) visit(child, value[name], isObject(old) ? old[name] : undefined, [...path, name], problems);
    }
  }
}

function ask(validation: Validation, schema: Schema, value: unknown, old: unknown, path: Path): Problem | undefined {
  const at: Path = [...path, ...(validation.fieldPath?.slice(1).split('.') ?? [])];
  const reason = validation.reason ?? 'FieldValueInvalid';
  try {
    const holds = program(validation.rule)({ self: toCel(schema, value), ...(old === undefined ? {} : { oldSelf: toCel(schema, old) }) });
    return holds === true ? undefined : { path: at, reason, message: validation.message };
  } catch (error) {
    // A division by 0, for example. The API server refuses as well, at the path of the rule.
    return { path, reason: 'FieldValueInvalid', message: `${validation.message} (the rule could not be evaluated: ${(error as Error).message.split('\n')[0] ?? ''})` };
  }
}

/** Values by the schema's types, as the API server binds them: CEL tells 1 (int) from 1.0 (double), JSON does not. */
function toCel(schema: Schema, value: unknown): unknown {
  if (typeof value === 'number') return schema.type === 'number' ? value : BigInt(value);
  if (Array.isArray(value)) return value.map((item) => toCel(schema.items ?? {}, item));
  if (!isObject(value)) return value;
  const result: JsonObject = {};
  for (const [name, member] of Object.entries(value)) {
    const child = schema.properties?.[name] ?? schema.additionalProperties;
    // Fields outside the schema exist for no rule.
    if (child !== undefined) result[name] = toCel(child, member);
  }
  return result;
}
