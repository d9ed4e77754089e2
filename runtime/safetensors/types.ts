/** The safetensors format (huggingface/safetensors README, "Format"). */
export type SafeDType = 'F64' | 'F32' | 'F16' | 'BF16' | 'I64' | 'I32' | 'I16' | 'I8' | 'U8' | 'BOOL';
export interface TensorInfo { readonly dtype: SafeDType; readonly shape: readonly number[]; readonly start: number; readonly end: number }
/** A tensor to write; bytes are little-endian, row-major. */
export interface TensorEntry { readonly name: string; readonly dtype: SafeDType; readonly shape: readonly number[]; readonly bytes: Uint8Array }
