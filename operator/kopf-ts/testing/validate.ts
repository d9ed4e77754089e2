/** The rules of the real API server that controllers written in JavaScript run into. */
import type { AnyObject } from '../api/objects.ts';
import type { ResourceName } from '../api/resource.ts';
import { nameOf } from '../api/resource.ts';
import { Refused } from './answer.ts';

/** Six digits: `Date#toISOString()` has three and is refused. */
const MICRO_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;
const NAME = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/;

const microTime = (field: string, value: unknown): void => {
  if (value !== undefined && !(typeof value === 'string' && MICRO_TIME.test(value))) {
    throw new Refused(400, 'BadRequest', `parsing time ${JSON.stringify(value)} as "2006-01-02T15:04:05.000000Z07:00": cannot parse (${field})`);
  }
};

export function validate(resource: ResourceName, object: AnyObject): void {
  const { name, generateName } = object.metadata;
  if (name === undefined && generateName === undefined) throw new Refused(422, 'Invalid', 'metadata.name: Required value: name or generateName is required');
  if (name !== undefined && !NAME.test(name)) throw new Refused(422, 'Invalid', `metadata.name: Invalid value: ${JSON.stringify(name)}: a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.'`);
  if (nameOf(resource) === 'leases.coordination.k8s.io') {
    const spec = object.spec as Record<string, unknown> | undefined;
    microTime('spec.renewTime', spec?.renewTime);
    microTime('spec.acquireTime', spec?.acquireTime);
  }
  if (nameOf(resource) === 'events.events.k8s.io') validateEvent(object);
}

function validateEvent(event: AnyObject): void {
  microTime('eventTime', event.eventTime);
  const series = event.series as { lastObservedTime?: unknown; count?: unknown } | undefined;
  microTime('series.lastObservedTime', series?.lastObservedTime);
  if (series !== undefined && !(typeof series.count === 'number' && series.count >= 2)) throw new Refused(422, 'Invalid', `series.count: Invalid value: ${JSON.stringify(series.count)}: should be at least 2`);
  for (const field of ['eventTime', 'reportingController', 'reportingInstance', 'action', 'reason', 'type']) {
    if (event[field] === undefined || event[field] === '') throw new Refused(422, 'Invalid', `${field}: Required value`);
  }
  if (event.type !== 'Normal' && event.type !== 'Warning') throw new Refused(422, 'Invalid', `type: Invalid value: ${JSON.stringify(event.type)}`);
  if (typeof event.note === 'string' && event.note.length > 1024) throw new Refused(422, 'Invalid', 'note: Invalid value: can have at most 1024 bytes');
  for (const field of ['action', 'reason', 'reportingInstance']) {
    if (String(event[field]).length > 128) throw new Refused(422, 'Invalid', `${field}: Invalid value: can have at most 128 bytes`);
  }
}
