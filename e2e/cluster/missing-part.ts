/** This machine lacks something that a cluster needs: scenarios are then skipped, with this sentence, and do not fail. */
export class MissingPart extends Error {
  override readonly name = 'MissingPart';
  constructor(what: string, mend: string) { super(`${what}. ${mend}`); }
}

/** What was made, or the sentence why this machine cannot: tests are skipped with it. */
export async function madeOrMissing<T>(making: Promise<T>): Promise<{ readonly made: T; readonly missing?: undefined } | { readonly made?: undefined; readonly missing: string }> {
  try {
    return { made: await making };
  } catch (error) {
    if (!(error instanceof MissingPart)) throw error;
    return { missing: error.message };
  }
}
