import { crc32c } from '../storage/crc32c.ts';

/** As TFRecord stores it: a CRC of data that contains CRCs would be weak, so it is rotated and shifted. */
export function maskedCrc32c(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
