/** What a request asks for, read from its method, path and headers. */
import type { ObjectRef } from '../api/objects.ts';
import type { ResourceName } from '../api/resource.ts';
import type { Question } from './answer.ts';
import { Refused } from './answer.ts';
import type { RequestInfo } from './faults.ts';

export interface Route {
  readonly verb: RequestInfo['verb'];
  readonly resource: ResourceName;
  readonly namespace: string | undefined;
  readonly ref: ObjectRef | undefined;
  readonly subresource: string | undefined;
  readonly query: URLSearchParams;
}

export function routeOf({ method, path, headers }: Question, resources: readonly ResourceName[]): Route {
  const url = new URL(path, 'http://server');
  const parts = url.pathname.split('/').slice(1).map(decodeURIComponent);
  const [group, version] = parts[0] === 'api' ? ['', parts[1]] : [parts[1], parts[2]];
  let rest = parts.slice(parts[0] === 'api' ? 2 : 3);
  let namespace: string | undefined;
  if (rest[0] === 'namespaces' && rest.length >= 3) {
    namespace = rest[1];
    rest = rest.slice(2);
  }
  const [plural, name, subresource] = rest;
  const resource = resources.find((known) => known.group === group && known.version === version && known.plural === plural);
  if (resource === undefined) throw new Refused(404, 'NotFound', 'the server could not find the requested resource');
  if (!resource.namespaced && namespace !== undefined) throw new Refused(404, 'NotFound', 'the server could not find the requested resource');
  const ref = name === undefined ? undefined : { name, namespace };
  return { verb: verbOf(method, ref !== undefined, url.searchParams, headers['content-type'] ?? ''), resource, namespace, ref, subresource, query: url.searchParams };
}

function verbOf(method: string, named: boolean, query: URLSearchParams, contentType: string): Route['verb'] {
  if (method === 'GET') return named ? 'get' : query.get('watch') === 'true' ? 'watch' : 'list';
  if (method === 'POST' && !named) return 'create';
  if (method === 'PUT' && named) return 'replace';
  if (method === 'DELETE' && named) return 'delete';
  if (method === 'PATCH' && named) {
    if (contentType === 'application/apply-patch+yaml') return 'apply';
    if (contentType === 'application/merge-patch+json') return 'merge';
    throw new Refused(415, 'UnsupportedMediaType', `the body of the request was in an unknown format - accepted media types include: application/merge-patch+json, application/apply-patch+yaml`);
  }
  throw new Refused(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource');
}
