import { customResourceDefinition, KIND, resourceSchema } from './crd.ts';
import type { Schema } from './openapi/schema.ts';
import { API_VERSION, KINDS, type Kind } from './resource.ts';
import { isTransition } from './rules/rule.ts';

/** docs/resources.md: every field with type, default and meaning, every rule with its sentence. */
export function reference(): string {
  return [
    '<!-- Made from crds/schema and crds/rules by `node crds/generate.ts`; change those. -->',
    '# Resources',
    `Group and version: \`${API_VERSION}\`. All kinds are namespaced and answer to \`kubectl get srdit\`.`,
    'A field that is not set takes its default; a field that is not listed here is refused. `./srdit run -f FILE` and the API server fill in '
    + 'the same defaults and refuse the same resources with the same sentences: both use the schemas and rules of `crds/`.',
    ...KINDS.flatMap(section),
  ].join('\n\n') + '\n';
}

function section(kind: Kind): string[] {
  const schema = resourceSchema(kind);
  const { rules, shortName, columns, type } = KIND[kind];
  const names = customResourceDefinition(kind)['metadata'] as { name: string };
  const sentence = ({ path, fieldPath, message }: (typeof rules)[number]): string => `- ${path === '' ? '' : `\`${path}${fieldPath ?? ''}\`: `}${message}`;
  const part = (name: 'spec' | 'status'): string => table(schema.properties?.[name] ?? {}, name);
  return [
    `## ${kind}`,
    `${type.description ?? ''}. CustomResourceDefinition \`${names.name}\`, short name \`${shortName}\`.`,
    `### Fields of ${kind}.spec`,
    part('spec'),
    `### What ${kind} refuses`,
    'Always:',
    unique(rules.filter((rule) => !isTransition(rule)).map(sentence)).join('\n'),
    'When it is changed:',
    unique(rules.filter(isTransition).map(sentence)).join('\n'),
    `### Fields of ${kind}.status`,
    part('status'),
    `### Columns of \`kubectl get ${shortName}\``,
    ['| column | field | |', '|---|---|---|', ...columns.map(({ name, jsonPath, description, priority }) =>
      `| ${name} | \`${jsonPath.slice(1)}\` | ${[description, priority === 1 ? 'with `-o wide`' : undefined].filter((text) => text !== undefined).join('; ')} |`)].join('\n'),
  ];
}

const unique = (lines: readonly string[]): string[] => [...new Set(lines)];

function table(schema: Schema, path: string): string {
  return ['| field | type | default | meaning |', '|---|---|---|---|', ...rows(schema, path)].join('\n');
}

function rows(schema: Schema, path: string): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, child]) => {
    const field = `${path}.${name}`;
    const required = schema.required?.includes(name) === true;
    const members = child.type === 'array' ? child.items ?? {} : child;
    const inside = members.properties === undefined || isEmbedded(members) ? [] : rows(members, child.type === 'array' ? `${field}[]` : field);
    return [`| \`${field}\` | ${cell(typeText(child))} | ${defaultText(child, required)} | ${cell(child.description ?? '')} |`, ...inside];
  });
}

/** Definitions from Kubernetes come without descriptions; kubectl explain pod.spec has them. */
const isEmbedded = (schema: Schema): boolean => Object.values(schema.properties ?? {}).every(({ description }) => description === undefined);

const cell = (text: string): string => text.replaceAll('|', '\\|');

function defaultText(schema: Schema, required: boolean): string {
  if (required) return '**required**';
  if (schema.default === undefined || schema.type === 'object') return '';
  return `\`${typeof schema.default === 'string' ? schema.default : JSON.stringify(schema.default)}\``;
}

function typeText(schema: Schema): string {
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${String(value)}\``).join(', ');
  switch (schema.type) {
    case 'array': return `list of ${typeText(schema.items ?? {})}${schema.maxItems === undefined ? '' : `, at most ${schema.maxItems}`}`;
    case 'object':
      if (schema.additionalProperties !== undefined) return `map of names to ${typeText(schema.additionalProperties)}`;
      return isEmbedded(schema) ? 'as in a Kubernetes pod' : 'fields';
    case 'integer': return `whole number${range(schema)}`;
    case 'number': return `number${range(schema)}`;
    case 'string': return schema.format === 'date-time' ? 'time' : 'text';
    case 'boolean': return '`true`, `false`';
    default: return 'number or text';
  }
}

function range({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }: Schema): string {
  const low = minimum === undefined ? [] : [`${exclusiveMinimum === true ? '>' : '>='} ${minimum}`];
  const high = maximum === undefined ? [] : [`${exclusiveMaximum === true ? '<' : '<='} ${maximum}`];
  return low.length + high.length === 0 ? '' : ` ${[...low, ...high].join(', ')}`;
}
