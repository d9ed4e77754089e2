/** The safetensors format (huggingface/safetensors README, "Format"). */
export type SafeDType = 'F64' | 'F32' | 'F16' | 'BF16' | 'I64' | 'I32' | 'I16' | 'I8' | 'U8' | 'BOOL';
/** start, end: bytes from the first byte after the header. */
export interface TensorInfo { readonly dtype: SafeDType; readonly shape: readonly number[]; readonly start: number; readonly end: number }
/** A tensor to write; bytes are little-endian, row-major. */
export interface TensorEntry { readonly name: string; readonly dtype: SafeDType; readonly shape: readonly number[]; readonly bytes: Uint8Array }
/** A tensor that was read. */
export type TensorView = Omit<TensorEntry, 'name'>;

export const BYTES_OF: Readonly<Record<SafeDType, number>> = { F64: 8, F32: 4, F16: 2, BF16: 2, I64: 8, I32: 4, I16: 2, I8: 1, U8: 1, BOOL: 1 };
export const isSafeDType = (name: string): name is SafeDType => Object.hasOwn(BYTES_OF, name);
