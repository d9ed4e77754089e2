type Defined<T> = { [K in keyof T]: Exclude<T[K], undefined> };

/** A copy without the fields that are undefined, so that status and objects compare and print as they will be stored. */
export function defined<T extends object>(object: T): Defined<T> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as Defined<T>;
}
