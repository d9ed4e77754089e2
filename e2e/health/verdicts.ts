/** What GitOps tools think of a resource: main.go asks them. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { cached, digest } from '../cluster/cache.ts';
import { command } from '../cluster/command.ts';
import { goBuild } from '../cluster/go-build.ts';
import type { Recorded } from './recorded.ts';

const SOURCES = ['go.mod', 'go.sum', 'main.go'].map((name) => join(import.meta.dirname, name));
const SETTINGS = join(import.meta.dirname, '../../charts/gitops/argocd-cm.yaml');

/** @throws MissingPart without Go */
const program = (): Promise<string> => cached('health', digest(SOURCES), 'health', (place) => goBuild(import.meta.dirname, place));

interface Verdict { readonly argo: { readonly status: string; readonly message: string }; readonly kstatus: { readonly status: string; readonly message: string } }

/** What Argo CD and kstatus say of each.
 *  @throws MissingPart without Go */
export async function verdicts(objects: readonly Recorded[]): Promise<Verdict[]> {
  const { data } = parse(readFileSync(SETTINGS, 'utf8')) as { data: Record<string, string> };
  const scripts = Object.fromEntries(Object.entries(data).map(([key, script]) => [key.replace(/^resource\.customizations\.health\.srdit\.dev_/, ''), script]));
  return JSON.parse(await command(await program(), [], { input: JSON.stringify({ scripts, objects }) })) as Verdict[];
}

type State = NonNullable<NonNullable<Recorded['status']>['state']>;

/** State of a resource -> Argo CD's word and kstatus' word. kstatus knows no suspension: what is as it was asked to be is current. */
const WANTED: Readonly<Record<State, readonly [argo: string, kstatus: string]>> = {
  Pending: ['Progressing', 'InProgress'], Starting: ['Progressing', 'InProgress'], Restarting: ['Progressing', 'InProgress'], Suspending: ['Progressing', 'InProgress'],
  Running: ['Healthy', 'Current'], Complete: ['Healthy', 'Current'], Suspended: ['Suspended', 'Current'], Failed: ['Degraded', 'Failed'],
};

/** Every one gets the words that its state deserves, and where it waits or has failed the sentence of its condition. Gives the states that were among them.
 *  @throws AssertionError, MissingPart */
export async function judge(objects: readonly Recorded[]): Promise<Set<State | 'unseen'>> {
  const said = await verdicts(objects);
  assert.equal(said.length, objects.length);
  const states = new Set<State | 'unseen'>();
  objects.forEach(({ kind, metadata: { name, generation }, status }, index) => {
    // What the operator has not looked at yet, or not since it was changed.
    const seen = status?.state !== undefined && status.observedGeneration === generation;
    const state = seen ? status.state ?? 'unseen' : 'unseen';
    states.add(state);
    const { argo, kstatus } = said[index] as Verdict;
    const wanted = state === 'unseen' ? ['Progressing', 'InProgress'] : WANTED[state];
    assert.deepEqual([argo.status, kstatus.status], wanted, `${kind} ${name}: ${JSON.stringify(status)}`);
    const told = status?.conditions?.find(({ type }) => type === (state === 'Complete' || state === 'Failed' || state === 'Suspended' ? state : 'Running'));
    if (state !== 'unseen') assert.equal(argo.message, told?.message, `${kind} ${name}`);
    if (state === 'Failed') assert.equal(kstatus.message, told?.message, `${kind} ${name}`);
  });
  return states;
}
