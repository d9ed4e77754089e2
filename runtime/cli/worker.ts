import { spawn, type ChildProcess } from 'node:child_process';
import { constants } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { ExitCode, LastWord } from '@srdit/crds';
import { oneGpu, readEnvironment, threadsPerRank, type Environment } from './environment.ts';
import { CRASHED, tellWorker, writeLastWord, wordOfError } from './last-word.ts';
import { createLog, type Log } from './log.ts';
import { parseRunConfig } from './run-config.ts';

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));

/** Codes with which all ranks of a gang end together, each when it is done: rank 0 may still be writing a checkpoint.
 *  After any other the gang is lost, and no rank has anything left to do. */
const TOGETHER: ReadonlySet<number> = new Set([ExitCode.Done, ExitCode.Diverged, ExitCode.Stopped]);

/** Time that the other ranks of a lost gang get to end: they notice the lost peer within a second, one that waits for
 *  the gang to form hears it from our TERM, and one that writes a checkpoint may finish it. */
const GRACE_SECONDS = 20;

interface Rank { readonly rank: number; readonly process: ChildProcess; word?: LastWord; told?: boolean }

/** The launcher of a pod: one process a rank, TERM and INT passed on, the last word of all. Resolves with the exit code.
 *  main: script whose command `rank` is one rank. */
export async function runWorker(variables: NodeJS.ProcessEnv, main = MAIN): Promise<number> {
  let environment: Environment;
  let ranksPerWorker: number;
  try {
    environment = readEnvironment(variables);
    ranksPerWorker = parseRunConfig(environment.SRDIT_RUN).spec.gang.ranksPerWorker;
  } catch (error) {
    const word = wordOfError(error, 0);
    process.stderr.write(`${word.message}\n`);
    writeLastWord(variables.SRDIT_TERMINATION_LOG, word);
    return word.exitCode;
  }
  const log = createLog(environment.SRDIT_LOG, { worker: environment.SRDIT_WORKER });
  const first = environment.SRDIT_WORKER * ranksPerWorker;
  const threads = threadsPerRank(environment.SRDIT_THREADS, ranksPerWorker);
  const ranks = Array.from({ length: ranksPerWorker }, (_, local) => startRank(
    main, first + local, threads, { ...variables, ...oneGpu(variables, local, ranksPerWorker) }, environment.SRDIT_LOG === 'text',
  ));

  const passOn = (signal: NodeJS.Signals): void => {
    for (const rank of ranks) {
      rank.told = true;
      rank.process.kill(signal);
    }
  };
  process.on('SIGTERM', passOn).on('SIGINT', passOn);
  if (environment.SRDIT_PARENT_PIPE === '1') dieWithParent(ranks, log);

  const told = tellWorker(await allEnd(ranks, log));
  writeLastWord(environment.SRDIT_TERMINATION_LOG, told);
  process.off('SIGTERM', passOn).off('SIGINT', passOn);
  return told.exitCode;
}

function startRank(main: string, rank: number, threads: number, variables: NodeJS.ProcessEnv, text: boolean): Rank {
  // In our process group, so that who kills the group kills all of us. The channel brings the last word, and its end
  // tells the rank that we are gone.
  const child = spawn(process.execPath, [...process.execArgv, main, 'rank'], {
    env: { ...variables, SRDIT_RANK: String(rank), SRDIT_THREADS: String(threads) },
    stdio: ['ignore', text ? 'pipe' : 'inherit', text ? 'pipe' : 'inherit', 'ipc'],
  });
  for (const [from, to] of [[child.stdout, process.stdout], [child.stderr, process.stderr]] as const) {
    if (from !== null) createInterface({ input: from }).on('line', (line) => { to.write(`[rank ${rank}] ${line}\n`); });
  }
  const entry: Rank = { rank, process: child };
  child.on('message', (message) => {
    const word = LastWord.safeParse(message);
    if (word.success) entry.word = word.data;
  });
  return entry;
}

/** Waits for every rank. When one ends so that the gang is lost, the others are told to end; how they then do is no failure of
 *  their own. */
async function allEnd(ranks: readonly Rank[], log: Log): Promise<LastWord[]> {
  let mercy: NodeJS.Timeout | undefined;
  const ended = new Set<Rank>();
  const sentAway = new Set<Rank>();
  const sendAway = (cause: Rank): void => {
    const left = ranks.filter((rank) => !ended.has(rank));
    for (const rank of left) {
      sentAway.add(rank);
      rank.process.kill('SIGTERM');
    }
    mercy = setTimeout(() => {
      for (const rank of left.filter((one) => !ended.has(one))) {
        log.warn(`Rank ${rank.rank} did not end ${GRACE_SECONDS} s after rank ${cause.rank} had: killing it`);
        rank.process.kill('SIGKILL');
      }
    }, GRACE_SECONDS * 1000);
  };
  const words = await Promise.all(ranks.map((rank) => new Promise<LastWord>((resolve) => {
    const end = (word: LastWord): void => {
      ended.add(rank);
      if (mercy === undefined && !TOGETHER.has(word.exitCode)) sendAway(rank);
      resolve(word);
    };
    rank.process.once('error', (error) => { end({ exitCode: CRASHED, reason: 'RankNotStarted', message: `Cannot start rank ${rank.rank}: ${error.message}`, rank: rank.rank }); });
    // close, not exit: its last lines and its last word have come.
    rank.process.once('close', (code, signal) => { end(wordOfExit(rank, code, signal)); });
  })));
  clearTimeout(mercy);
  // A rank that had lost its peer tells the step it was at; any other end of one that was sent away tells nothing. The cause is always left.
  return words.filter((word, index) => !sentAway.has(ranks[index] as Rank) || word.exitCode === ExitCode.PeerLost);
}

/** The rank's own word if it fits the way it ended; otherwise what the exit says. */
function wordOfExit(rank: Rank, code: number | null, signal: NodeJS.Signals | null): LastWord {
  const exitCode = code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
  if (rank.word?.exitCode === exitCode) return rank.word;
  if (rank.told === true && (signal === 'SIGTERM' || signal === 'SIGINT')) {
    return { exitCode: ExitCode.Stopped, rank: rank.rank, reason: 'Stopped', message: `Rank ${rank.rank} was told to stop before it had begun` };
  }
  return {
    exitCode, rank: rank.rank, reason: signal === null ? 'Crashed' : 'Killed',
    message: signal === null ? `Rank ${rank.rank} ended with exit code ${exitCode} without a last word` : `Rank ${rank.rank} was ended by ${signal}`,
  };
}

/** A parent that dies by kill -9 says nothing, but its end of our stdin closes. */
function dieWithParent(ranks: readonly Rank[], log: Log): void {
  const end = (): void => {
    log.warn('The process that started this worker is gone: ending');
    for (const rank of ranks) rank.process.kill('SIGKILL');
    process.exit(75);
  };
  process.stdin.once('end', end).once('error', end).resume();
  process.stdin.unref();
}
