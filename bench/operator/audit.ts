/** What a user of the API server asked it, from its audit log. */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';

interface Line { readonly verb?: string; readonly requestReceivedTimestamp?: string; readonly objectRef?: { readonly resource?: string; readonly subresource?: string }; readonly responseStatus?: { readonly code?: number } }

/** Requests by "verb resource" between two moments (milliseconds since 1970), long watches left out. */
export async function requests(log: string, from: number, to: number): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for await (const text of createInterface({ input: createReadStream(log) })) {
    const line = parsed(text);
    const at = Date.parse(line?.requestReceivedTimestamp ?? '');
    if (line === undefined || line.verb === 'watch' || !(at >= from && at <= to)) continue;
    const { resource = 'other', subresource } = line.objectRef ?? {};
    const code = line.responseStatus?.code ?? 0;
    const name = `${line.verb ?? ''} ${resource}${subresource === undefined ? '' : `/${subresource}`}${code >= 400 ? ` ${code}` : ''}`;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}

/** The last line may be half written. */
function parsed(text: string): Line | undefined {
  try {
    return JSON.parse(text) as Line;
  } catch {
    return undefined;
  }
}
