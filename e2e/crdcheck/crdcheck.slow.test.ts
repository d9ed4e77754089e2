/** The laptop and the API server agree: the same resources go through crds/ and through the API server's own code (main.go). */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { describe, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { stringify } from 'yaml';
import { resourceSchema } from '../../crds/crd.ts';
import { generated } from '../../crds/generate.ts';
import { formatPath, isObject, type Schema } from '../../crds/openapi/schema.ts';
import { examine, parseResource, parseResources, ResourceError } from '../../crds/parse.ts';
import { KINDS, type Kind } from '../../crds/resource.ts';
import { GOOD, WRONG_SPECS, wrongResource } from '../../crds/wrong-specs.ts';
import { madeOrMissing } from '../cluster/missing-part.ts';
import { crdcheck } from './build.ts';

interface Problem { reason: string; path: string; message: string }
interface Verdict { name: string; unreadable: string; unknown: string[] | null; defaulted: Record<string, unknown>; problems: Problem[] }
interface Response { crds: Problem[][]; resources: Verdict[] }
interface Question { name: string; yaml: string; old?: string }

const { made = '', missing } = await madeOrMissing(crdcheck());
const skip = missing ?? false;
const crds = [...generated()].filter(([path]) => path.endsWith('.yaml')).map(([, text]) => text);

function ask(resources: readonly Question[]): Response {
  const output = execFileSync(made, { input: JSON.stringify({ crds, resources }), maxBuffer: 2 ** 30, encoding: 'utf8' });
  return JSON.parse(output) as Response;
}

const yaml11 = (value: unknown): string => stringify(value, { version: '1.1' });

/** The API server's line that it did not ask the rules; it stands for no problem of its own. */
const NOT_ASKED = 'some validation rules were not checked because the object was invalid; correct the existing errors to complete validation';
const RULE_MESSAGES = new Set(KINDS.flatMap((kind) => rulesOf(resourceSchema(kind))));

function rulesOf(schema: Schema): string[] {
  const inside = [...Object.values(schema.properties ?? {}), ...(schema.items === undefined ? [] : [schema.items])];
  return [...(schema['x-kubernetes-validations'] ?? []).map(({ message }) => message), ...inside.flatMap(rulesOf)];
}

/** Causes and places, sorted; the sentence where it is a rule's. */
const summary = (problems: readonly Problem[]): string[] => [...new Set(problems.map(({ reason, path, message }) => {
  const [sentence = ''] = message.split(' (the rule could not be evaluated');
  return `${reason} ${path}${RULE_MESSAGES.has(sentence) ? `: ${sentence}` : ''}`;
}))].sort();

function cluster({ unreadable, unknown, problems }: Verdict): string[] {
  if (unreadable !== '') return [unreadable];
  // Unknown fields are found while decoding: the API server then looks at nothing else.
  if (unknown !== null && unknown.length > 0) return unknown.map((path) => `UnknownField ${path}`).sort();
  return summary(problems.filter(({ message }) => message !== NOT_ASKED).map((problem) => ({
    ...problem, path: problem.path === '<nil>' ? '' : problem.path,
    message: problem.message.replace(/^.* evaluating rule: /, ''),
  })));
}

function laptop(resource: unknown, old?: unknown): string[] {
  const { problems } = examine(resource, old === undefined ? undefined : parseResource(old));
  const found = summary(problems.map(({ path, reason, message }) => ({ path: formatPath(path), reason, message })));
  const unknown = found.filter((text) => text.startsWith('UnknownField'));
  return unknown.length > 0 ? unknown : found;
}

/** Whether both give the same causes. After a wrong type the API server goes on to complain of the same value's range and of the fields
 *  of a map that should be none; we say that the type is wrong. */
function agree(local: readonly string[], remote: readonly string[]): boolean {
  const wrongType = local.filter((text) => text.startsWith('FieldValueTypeInvalid ')).map((text) => text.slice('FieldValueTypeInvalid '.length));
  const consequence = (text: string): boolean => {
    const [reason, path = ''] = text.split(' ');
    if (reason === 'UnknownField') return wrongType.some((outer) => path.startsWith(`${outer}.`));
    return (reason === 'FieldValueInvalid' || reason === 'FieldValueNotSupported') && wrongType.includes(path);
  };
  const left = remote.filter((text) => !consequence(text));
  // Nothing but unknown fields: the API server came no further than decoding.
  const decoded = left.length > 0 || remote.length === 0;
  return JSON.stringify(left) === JSON.stringify(decoded ? local : []);
}

/** What the API server stores, without the namespace that the request names and the status, which is no part of what is asked for. */
function stored({ defaulted: { status: _unseen, ...resource } }: Verdict): unknown {
  const { namespace: _, ...metadata } = resource['metadata'] as Record<string, unknown>;
  return { ...resource, metadata };
}

/** Every field of the spec, down to the leaves. */
function fields(schema: Schema, path: readonly string[]): (readonly string[])[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, child]) => [[...path, name], ...fields(child, [...path, name])]);
}

function withField(object: unknown, [name, ...rest]: readonly string[], value: unknown): unknown {
  if (name === undefined) return value;
  const map = isObject(object) ? object : {};
  return { ...map, [name]: withField(map[name], rest, value) };
}

const VALUES = [null, 0, 1, -1, 0.5, 3, 1e7, '', 'x', '7', 'file:///a/b', true, false, [], {}, { x: 1 }, [1], ['a'], { name: 'a' }];

describe('laptop and API server agree', { skip }, () => {
  test('the API server takes the CustomResourceDefinitions: structural, defaults valid, rules compile within their cost', () => {
    assert.deepEqual(ask([]).crds, [[], []]);
  });

  test('on every row of the table of wrong specs', () => {
    const rows = WRONG_SPECS.map((wrong) => ({ wrong, ...wrongResource(wrong) }));
    const { resources } = ask(rows.map(({ wrong, resource, old }) =>
      ({ name: wrong.name, yaml: yaml11(resource), ...(old === undefined ? {} : { old: yaml11(old) }) })));
    assert.equal(resources.length, rows.length);
    rows.forEach(({ wrong, resource, old }, index) => {
      const verdict = resources[index];
      assert.ok(verdict);
      const { reason, path, message } = wrong.expect;
      assert.deepEqual(cluster(verdict), [`${reason} ${path}${message === undefined ? '' : `: ${message}`}`], wrong.name);
      assert.deepEqual(laptop(resource, old), cluster(verdict), wrong.name);
    });
  });

  for (const kind of KINDS) {
    test(`${kind}: on every field with ${VALUES.length} values: refused for the same causes or stored with the same defaults`, () => {
      const { spec } = resourceSchema(kind).properties ?? {};
      const cases = fields({ properties: { spec: spec ?? {} } }, []).flatMap((path) => VALUES.map((value) => ({
        name: `${path.join('.')} = ${JSON.stringify(value)}`, resource: withField(GOOD[kind], path, value),
      })));
      const { resources } = ask(cases.map(({ name, resource }) => ({ name, yaml: yaml11(resource) })));
      assert.equal(resources.length, cases.length);
      let accepted = 0;
      const differences: unknown[] = [];
      cases.forEach(({ name, resource }, index) => {
        const verdict = resources[index];
        assert.ok(verdict);
        const [local, remote] = [laptop(resource), cluster(verdict)];
        if (!agree(local, remote)) differences.push({ name, local, remote });
        if (local.length > 0 || remote.length > 0) return;
        accepted += 1;
        assert.deepEqual(parseResource(resource), stored(verdict), name);
      });
      assert.deepEqual(differences, []);
      // Neither all nor none: the cases tell something.
      assert.ok(accepted > 100 && accepted < cases.length / 2, `${accepted} of ${cases.length} accepted`);
    });
  }

  test('on how YAML is read', () => {
    const scalars = ['yes', 'on', 'off', 'y', 'True', '~', '010', '0x10', '0b11', '1_000', '1e4', '10.0', '1:30', '2026-01-31', '"5"', '+5', '.inf', '5.', '0o17', '<<', '=', '!!str 5', "''"];
    const text = (kind: Kind, field: string, scalar: string): string =>
      `kind: ${kind}\n${yaml11(GOOD[kind]).replace(/^kind:.*\n/m, '').replace(/^spec:\n/m, `spec:\n  ${field}: ${scalar}\n`).replace(/^ {2}steps: 400000\n/m, field === 'steps' ? '' : '  steps: 400000\n')}`;
    const cases = ['steps', 'suspend', 'image'].flatMap((field) => scalars.map((scalar) => ({ name: `${field}: ${scalar}`, yaml: text('SRDiTTraining', field, scalar) })));
    const { resources } = ask(cases);
    const read = (name: string, yaml: string): unknown => {
      try {
        return parseResources(yaml, name)[0];
      } catch (error) {
        assert.ok(error instanceof ResourceError);
        return 'refused';
      }
    };
    const differences = cases.filter(({ name, yaml }, index) => {
      const verdict = resources[index];
      assert.ok(verdict);
      return !isDeepStrictEqual(read(name, yaml), cluster(verdict).length > 0 ? 'refused' : stored(verdict));
    });
    assert.deepEqual(differences.map(({ name }) => name), []);
  });
});
