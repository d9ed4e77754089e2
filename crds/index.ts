/** The single source of types, YAML, defaults and docs of the srdit.dev API. */
export * from './schema/model.ts';
export * from './schema/sampler.ts';
export * from './schema/gang.ts';
export * from './schema/training.ts';
export * from './schema/evaluation.ts';
export * from './schema/status.ts';
export * from './schema/run.ts';
