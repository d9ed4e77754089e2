/** A picture in memory: rgb is [height, width, 3], 8 bit. */
export interface Picture { readonly width: number; readonly height: number; readonly rgb: Uint8Array }

/** Pillow's own bound for a picture, two times 89,478,485 pixels: a small file must not claim all memory. */
export const MAX_PIXELS = 178_956_970;

/** What stops a conversion: settings, source or destination are wrong. The message says how to mend it. */
export class ConvertError extends Error {
  override readonly name = 'ConvertError';
  readonly code: 'BadSettings' | 'BadSource' | 'BadDestination' | 'BrokenPicture' | 'WrongSize';

  constructor(code: ConvertError['code'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
