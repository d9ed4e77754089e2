/** Times with six digits after the second (metav1.MicroTime): the API server refuses the three of Date#toISOString in Leases and Events. */
export const microTime = (milliseconds: number): string => new Date(milliseconds).toISOString().replace('Z', '000Z');
