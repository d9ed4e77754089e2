export const reference = (): string => '';
