/** The single source of types, YAML, defaults and docs of the srdit.dev API. Reading YAML, with CEL's rules, is @srdit/crds/parse: what runs in a cluster is
 *  given objects that the API server has checked, and starts sooner without. */
export * from './schema/model.ts';
export * from './schema/sampler.ts';
export * from './schema/gang.ts';
export { MANAGED_BY } from './schema/lifecycle.ts';
export * from './schema/training.ts';
export * from './schema/evaluation.ts';
export * from './schema/status.ts';
export * from './schema/run.ts';
export * from './schema/pod.ts';
export * from './resource.ts';
export { formatPath, type Path, type Problem, type Reason } from './openapi/schema.ts';
