import * as z from 'zod';
import { availableParallelism } from 'node:os';
import { wrongConfiguration } from './exit.ts';

const whole = z.string().regex(/^\d{1,9}$/).transform(Number);

/** Environment of a container (docs/contributing/architecture.md, "Contract between plan and runtime"). */
const Environment = z.object({
  SRDIT_RUN: z.string().min(1),
  SRDIT_WORKER: whole.default(0),
  SRDIT_ADDRESSES: z.string().regex(/^[^,:\s]+:\d{1,5}(,[^,:\s]+:\d{1,5})*$/).transform((list) => list.split(',')),
  SRDIT_RANK: whole.optional(),
  SRDIT_HTTP_PORT: whole.optional(),
  SRDIT_TERMINATION_LOG: z.string().min(1).optional(),
  SRDIT_FILE_ROOT: z.string().min(1).default('/'),
  SRDIT_DEVICE: z.enum(['cpu', 'gpu', 'auto']).default('auto'),
  SRDIT_THREADS: whole.pipe(z.int().min(1).max(4096)).optional(),
  SRDIT_LOG: z.enum(['text', 'json']).default('json'),
  SRDIT_PARENT_PIPE: z.literal('1').optional(),
});
export type Environment = z.infer<typeof Environment>;

/** Reads the environment. Throws ExitError (64). */
export function readEnvironment(variables: Readonly<Record<string, string | undefined>>): Environment {
  // An empty variable is how some launchers say "not set".
  const set = Object.fromEntries(Object.entries(variables).filter(([name, value]) => name.startsWith('SRDIT_') && value !== ''));
  const parsed = Environment.safeParse(set);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const name = String(issue?.path[0] ?? 'SRDIT_RUN');
  const given = set[name];
  throw wrongConfiguration('WrongEnvironment',
    `Cannot start: the environment variable ${name} is ${given === undefined ? 'missing' : `"${given}"`}. Start the runtime through \`srdit run\` or a Job of the operator, which set it`);
}

/** Whom rank 0 answers: in a pod anybody whom the NetworkPolicy admits, on a laptop this machine alone. */
export const httpHost = (environment: Environment): string => (environment.SRDIT_PARENT_PIPE === '1' ? '127.0.0.1' : '0.0.0.0');

/** Threads of each rank: what was asked for, else an equal share of this machine's cores. */
export const threadsPerRank = (asked: number | undefined, ranksHere: number): number =>
  asked ?? Math.max(1, Math.floor(availableParallelism() / ranksHere));

/** One GPU each: the i-th rank of a pod sees only the i-th of the GPUs that the pod was given. */
export function oneGpu(variables: Readonly<Record<string, string | undefined>>, local: number, ranksHere: number): Record<string, string> {
  if (ranksHere === 1) return {};
  const given = variables['CUDA_VISIBLE_DEVICES']?.split(',') ?? [];
  return { CUDA_VISIBLE_DEVICES: given.length > 0 ? given[local] ?? '-1' : String(local) };
}
