/** Whether the other ranks of a gang still live, by whether something listens at their addresses. */
import { connect } from 'node:net';

/** `refuses`: the machine is there and says that nobody listens. `silent`: no answer in time, from it or from the name service. */
export type Answer = 'listens' | 'refuses' | 'silent';

export const portOf = (address: string): number | undefined => {
  const port = Number(/:(\d{1,5})$/.exec(address)?.[1]);
  return port > 0 && port < 65536 ? port : undefined;
};
const hostOf = (address: string): string => address.slice(0, address.lastIndexOf(':')).replace(/^\[(.*)\]$/, '$1');

/** Looks once. address: host:port */
export function look(address: string, milliseconds: number): Promise<Answer> {
  return new Promise((resolve) => {
    const socket = connect({ host: hostOf(address), port: portOf(address) ?? 0, timeout: milliseconds });
    const end = (answer: Answer): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => end('listens')).once('timeout', () => end('silent'))
      .once('error', (error: NodeJS.ErrnoException) => end(error.code === 'ECONNREFUSED' ? 'refuses' : 'silent'));
  });
}

/** What a look adds to the suspicion that a peer is gone; at 1 it is certain. A refusal is a fact, seen twice because a port may be between two owners.
 *  Silence is mostly our own: a busy machine, a slow name service, an event loop that was held up and finds the time over before it finds the answer. */
const WEIGHT: Readonly<Record<Exclude<Answer, 'listens'>, number>> = { refuses: 1 / 2, silent: 1 / 64 };

export class Suspicion {
  readonly #grown: number[] = [];

  /** Takes an answer of every peer; gives the first that is gone, if one is. */
  heard(answers: readonly Answer[]): number | undefined {
    answers.forEach((answer, peer) => { this.#grown[peer] = answer === 'listens' ? 0 : (this.#grown[peer] ?? 0) + WEIGHT[answer]; });
    const gone = this.#grown.findIndex((grown) => grown >= 1);
    return gone < 0 ? undefined : gone;
  }
}
