import { ExitCode, type LastWord, type RunConfig } from '@srdit/crds';
import type { Gang } from '../engine/types.ts';
import { openStorage } from '../storage/open.ts';
import { StorageError, type Storage } from '../storage/storage.ts';
import type { Done, RunContext } from './context.ts';
import { httpHost, readEnvironment, threadsPerRank, type Environment } from './environment.ts';
import { ExitError, wrongConfiguration } from './exit.ts';
import { wordOfDone, wordOfError, writeLastWord } from './last-word.ts';
import { createLog, type Log } from './log.ts';
import { parseRunConfig, worldOf } from './run-config.ts';
import { ProgressBoard, serveProgress } from './server.ts';

/** One rank of the gang, from its environment to its exit code: joins, runs, says its last word. */
export async function runRank(variables: NodeJS.ProcessEnv): Promise<number> {
  const rank = Number(variables['SRDIT_RANK'] ?? 0);
  let log = createLog('json', { rank });
  let word: LastWord;
  try {
    const environment = readEnvironment(variables);
    log = createLog(environment.SRDIT_LOG, { rank });
    const config = parseRunConfig(environment.SRDIT_RUN);
    word = wordOfDone(await run(config, environment, environment.SRDIT_RANK ?? 0, log), rank);
  } catch (error) {
    word = wordOfError(error, rank);
    // What nobody foresaw is for whoever can mend it.
    if (word.reason === 'Crashed' && error instanceof Error) log.error(error.stack ?? error.message);
  }
  log[word.exitCode === 0 ? 'info' : 'error'](word.message, { exitCode: word.exitCode, reason: word.reason });
  await tell(variables, word);
  return word.exitCode;
}

/** The launcher hears the last word and writes it; a rank without one writes it itself. */
async function tell(variables: NodeJS.ProcessEnv, word: LastWord): Promise<void> {
  if (process.send === undefined || !process.connected) {
    writeLastWord(variables['SRDIT_TERMINATION_LOG'], word);
    return;
  }
  await new Promise<void>((resolve) => { process.send?.(word, undefined, undefined, () => { resolve(); }); });
}

async function run(config: RunConfig, environment: Environment, rank: number, log: Log): Promise<Done> {
  // The launcher is gone without a word: whoever started it wants the gang to end.
  process.once('disconnect', () => { process.exit(ExitCode.Stopped); });
  const world = worldOf(config);
  const addresses = environment.SRDIT_ADDRESSES;
  if (addresses.length !== world || rank >= world) {
    throw wrongConfiguration('WrongEnvironment', `Cannot start rank ${rank}: spec.gang has ${world} ranks but SRDIT_ADDRESSES has ${addresses.length}. Start the runtime through \`srdit run\` or a Job of the operator, which set both`);
  }
  const board = new ProgressBoard({ uid: config.uid, attempt: config.attempt, of: config.kind === 'SRDiTTraining' ? config.spec.steps : config.spec.count });
  await using _server = rank === 0 && environment.SRDIT_HTTP_PORT !== undefined ? await listen(board, environment) : undefined;
  const storage = open(config.spec.storage.uri);

  // TensorFlow takes a second to load: what is wrong before is said before.
  const { startEngine } = await import('../engine/index.ts');
  const engine = startEngine({ threads: threadsPerRank(environment.SRDIT_THREADS, config.spec.gang.ranksPerWorker), device: environment.SRDIT_DEVICE });
  // Until the gang has formed, TERM just ends this process: there is nothing to save and nobody to agree with.
  await using gang = await join(engine, rank, addresses);
  const stop = listenForStop(log);
  if (world > 1) log.info(`Joined a gang of ${world}`, { world });
  const context = {
    rank, world, engine, gang, storage, open, log,
    report: (progress: Parameters<RunContext['report']>[0]): void => { if (rank === 0) board.update(progress); },
    stopRequested: () => stop.requested,
  };
  const done = await (config.kind === 'SRDiTTraining'
    ? (await import('../train/run.ts')).runTraining({ ...context, config })
    : (await import('../evaluate/run.ts')).runEvaluation({ ...context, config }));
  context.report({ phase: 'Done' });
  return rank === 0 ? { ...board.summary, ...done } : done;
}

function open(uri: string): Storage {
  try {
    return openStorage(uri);
  } catch (error) {
    if (error instanceof StorageError) throw wrongConfiguration(error.code, error.message, error);
    throw error;
  }
}

async function listen(board: ProgressBoard, environment: Environment): Promise<AsyncDisposable> {
  const port = environment.SRDIT_HTTP_PORT ?? 0;
  try {
    return await serveProgress(board, httpHost(environment), port);
  } catch (cause) {
    throw new ExitError('Stopped', 'PortInUse', `Cannot answer GET /progress on port ${port}: ${(cause as Error).message}. Free the port or choose another; the next attempt tries again`, { cause });
  }
}

async function join(engine: { joinGang(options: { rank: number; addresses: readonly string[] }): Promise<Gang> }, rank: number, addresses: readonly string[]): Promise<Gang> {
  try {
    return await engine.joinGang({ rank, addresses });
  } catch (cause) {
    if ((cause as { code?: string }).code !== 'JoinFailed') throw cause;
    throw new ExitError('Stopped', 'JoinTimedOut', (cause as Error).message, { cause });
  }
}

/** TERM and INT ask to stop in order: the next step tells the other ranks. */
function listenForStop(log: Log): { readonly requested: boolean } {
  const stop = { requested: false };
  const hear = (signal: NodeJS.Signals): void => {
    if (!stop.requested) log.info(`${signal}: stopping after this step`);
    stop.requested = true;
  };
  process.on('SIGTERM', hear).on('SIGINT', hear);
  return stop;
}
