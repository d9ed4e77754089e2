/** What goes wrong on demand between a client and the fake server. */
import type { Clock, Random } from '../clock.ts';
import { sleep } from '../clock.ts';
import type { Answer, Piece } from './answer.ts';
import { Broken, Refused, once } from './answer.ts';
import { pick } from './random.ts';

export type Fault =
  /** Answers so, and does nothing: 429 with Retry-After, 500, 409... */
  | { readonly kind: 'status'; readonly status: number; readonly reason?: string; readonly message?: string; /** Seconds. */ readonly retryAfter?: number }
  /** Breaks the connection before anything is done. */
  | { readonly kind: 'reset' }
  /** Does it, then breaks the connection. */
  | { readonly kind: 'lostAnswer' }
  /** The answer's body ends in the middle of its JSON (a watch: after `events` whole events, default 0). */
  | { readonly kind: 'truncated'; readonly events?: number }
  /** The body comes in small pieces with a pause before each. */
  | { readonly kind: 'slow'; readonly milliseconds: number }
  /** Takes the request (a watch: answers and sends `events` events, default 0), then says nothing any more. */
  | { readonly kind: 'silent'; readonly events?: number }
  /** A watch that ends properly after so many events. */
  | { readonly kind: 'closed'; readonly events: number }
  /** 410: a watch says so in an ERROR event, as the real server does; a list in its status. */
  | { readonly kind: 'expired' };

/** What a request is, for choosing whom a fault hits. */
export interface RequestInfo {
  readonly verb: 'get' | 'list' | 'watch' | 'create' | 'replace' | 'apply' | 'merge' | 'delete';
  /** "rooms.example.dev" */
  readonly resource: string;
  readonly name: string | undefined;
  readonly subresource: string | undefined;
}

interface Rule {
  readonly fault: Fault;
  readonly when: (request: RequestInfo) => boolean;
  left: number;
}

export class Faults {
  readonly #clock: Clock;
  readonly #rules: Rule[] = [];
  #chaos: { readonly random: Random; readonly rate: number; readonly faults: readonly Fault[] } | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The next `times` requests (default 1) for which `when` holds (default all) meet this fault. */
  add(fault: Fault, { when = () => true, times = 1 }: { when?: (request: RequestInfo) => boolean; times?: number } = {}): void {
    this.#rules.push({ fault, when, left: times });
  }

  /** From now on each request meets one of the faults with this probability. */
  chaos(random: Random, rate: number, faults: readonly Fault[]): void {
    this.#chaos = { random, rate, faults };
  }

  /** No faults from now on. */
  clear(): void {
    this.#rules.length = 0;
    this.#chaos = undefined;
  }

  /** Lets the request through with whatever fault it meets. `accepted` gives an answer the form that was asked for. */
  async around(request: RequestInfo, answer: () => Promise<Answer>, accepted: (answer: Answer) => Answer): Promise<Answer> {
    const fault = this.#choose(request);
    if (fault === undefined) return answer();
    const watch = request.verb === 'watch';
    switch (fault.kind) {
      case 'status':
        throw new Refused(fault.status, fault.reason ?? (fault.status === 409 ? 'Conflict' : fault.status === 429 ? 'TooManyRequests' : 'InternalError'), fault.message ?? 'A fault on demand', fault.retryAfter);
      case 'expired': {
        const refused = new Refused(410, 'Expired', 'too old resource version');
        if (!watch) throw refused;
        return accepted({ status: 200, headers: {}, body: once(`${JSON.stringify({ type: 'ERROR', object: refused.body })}\n`) });
      }
      case 'reset':
        throw new Broken();
      case 'lostAnswer':
        if (!watch) await answer();
        throw new Broken();
      case 'truncated': {
        const whole = await answer();
        return { ...whole, body: watch ? cutWatch(whole.body, fault.events ?? 0) : half(whole.body) };
      }
      case 'slow': {
        const whole = await answer();
        return { ...whole, body: slowly(whole.body, fault.milliseconds, this.#clock) };
      }
      case 'silent': {
        const whole = await answer();
        return { ...whole, body: silence(watch ? take(whole.body, fault.events ?? 0) : take(whole.body, 0)) };
      }
      case 'closed': {
        const whole = await answer();
        return watch ? { ...whole, body: take(whole.body, fault.events) } : whole;
      }
      default:
        return fault satisfies never;
    }
  }

  #choose(request: RequestInfo): Fault | undefined {
    const rule = this.#rules.find(({ when, left }) => left > 0 && when(request));
    if (rule !== undefined) {
      rule.left -= 1;
      if (rule.left === 0) this.#rules.splice(this.#rules.indexOf(rule), 1);
      return rule.fault;
    }
    if (this.#chaos !== undefined && this.#chaos.random() < this.#chaos.rate) return pick(this.#chaos.random, this.#chaos.faults);
    return undefined;
  }
}

async function* take(body: AsyncIterable<Piece>, count: number): AsyncGenerator<Piece> {
  if (count === 0) return;
  let taken = 0;
  for await (const text of body) {
    yield text;
    taken += 1;
    if (taken >= count) return;
  }
}

async function* half(body: AsyncIterable<Piece>): AsyncGenerator<Piece> {
  for await (const text of body) {
    yield text.slice(0, text.length / 2);
    return;
  }
}

async function* cutWatch(body: AsyncIterable<Piece>, count: number): AsyncGenerator<Piece> {
  let sent = 0;
  for await (const text of body) {
    yield sent < count ? text : text.slice(0, text.length / 2);
    sent += 1;
    if (sent > count) return;
  }
}

async function* slowly(body: AsyncIterable<Piece>, milliseconds: number, clock: Clock): AsyncGenerator<Piece> {
  for await (const text of body) {
    const piece = Math.max(1, Math.ceil(text.length / 3));
    for (let start = 0; start < text.length; start += piece) {
      await sleep(clock, milliseconds);
      yield text.slice(start, start + piece);
    }
  }
}

async function* silence(before: AsyncIterable<Piece>): AsyncGenerator<Piece> {
  yield* before;
  await new Promise(() => undefined);
}
