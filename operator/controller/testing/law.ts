/** What must hold at every moment, read from everything that the API server ever told a watch. */
import type { FakeApiServer } from 'kopf-ts/testing';
import { gangOf } from '../children.ts';
import { worker } from './kubelets.ts';

export class Law {
  /** Sentences about each breach. */
  readonly breaches: string[] = [];
  /** Attempts that were begun, by gang. */
  readonly begun = new Map<string, number[]>();

  constructor(server: FakeApiServer) {
    /** Attempt of each pod that may compute, by uid. */
    const alive = new Map<string, { readonly gang: string; readonly attempt: number }>();
    server.database.subscribe(({ resource, type, object }) => {
      if (resource !== 'pods' && resource !== 'jobs.batch') return;
      const gang = gangOf(object);
      const { attempt } = worker(object);
      const uid = object.metadata.uid ?? '';
      if (resource === 'pods') {
        const phase = (object as { status?: { phase?: string } }).status?.phase;
        if (type === 'DELETED' || phase === 'Failed' || phase === 'Succeeded') alive.delete(uid);
        else alive.set(uid, { gang, attempt });
      } else if (type === 'ADDED') {
        this.begun.set(gang, [...this.begun.get(gang) ?? [], attempt]);
      }
      const others = [...alive.values()].filter((one) => one.gang === gang && one.attempt !== attempt).map((one) => one.attempt);
      if (type === 'ADDED' && others.length > 0) this.breaches.push(`${resource} of attempt ${attempt} of ${gang} was made while attempt ${others.join()} was alive`);
    });
  }
}
