/** A stream of bytes as the JSON values on its lines. */

/** Yields the values of each chunk together, so that a reader pays for one wait a chunk. A last line without its end is an error, as is what is no JSON. */
export async function* jsonLines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<unknown[]> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of chunks) {
    const text = rest + decoder.decode(chunk, { stream: true });
    const values: unknown[] = [];
    let start = 0;
    for (let end = text.indexOf('\n', start); end >= 0; end = text.indexOf('\n', start)) {
      const line = text.slice(start, end);
      if (line.trim() !== '') values.push(parse(line));
      start = end + 1;
    }
    rest = text.slice(start);
    if (values.length > 0) yield values;
  }
  if (rest.trim() !== '') throw new Error(`the stream ended within a line after ${rest.length} characters`);
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    throw new Error(`a line of ${line.length} characters is no JSON`, { cause: error });
  }
}
