/** This machine lacks something that a cluster needs: scenarios are then skipped, with this sentence, and do not fail. */
export class MissingPart extends Error {
  override readonly name = 'MissingPart';
  constructor(what: string, mend: string) { super(`${what}. ${mend}`); }
}
