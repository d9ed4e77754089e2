/** For tests of operators: a fake API server, a clock to move, seeded random numbers. */
export { FakeApiServer } from './server.ts';
export type { FakeApiServerOptions } from './server.ts';
export type { Fault, RequestInfo } from './faults.ts';
export { FakeClock } from './clock.ts';
export { below, pick, seeded } from './random.ts';
export { inProcess } from './in-process.ts';
export { listen } from './http-server.ts';
export type { Listening } from './http-server.ts';
export { Freezer } from './freezer.ts';
