/** A reader of the JSON that a safetensors header is made of, and of nothing more: objects of known depth, texts and whole numbers.
 *  JSON.parse would keep the last of two equal keys, round large numbers and follow any nesting. Throws SyntaxError. */
export class HeaderScanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) { this.#text = text; }

  /** Calls `member` with each key, once; it must read the value. */
  object(member: (key: string) => void): void {
    const keys = new Set<string>();
    this.#expect('{');
    if (this.#accept('}')) return;
    do {
      const key = this.text();
      if (keys.has(key)) throw new SyntaxError(`the name ${JSON.stringify(key)} comes twice`);
      keys.add(key);
      this.#expect(':');
      member(key);
    } while (this.#accept(','));
    this.#expect('}');
  }

  wholeNumbers(): number[] {
    const numbers: number[] = [];
    this.#expect('[');
    if (this.#accept(']')) return numbers;
    do numbers.push(this.#wholeNumber()); while (this.#accept(','));
    this.#expect(']');
    return numbers;
  }

  text(): string {
    this.#expect('"');
    const start = this.#at - 1;
    for (;;) {
      const quote = this.#text.indexOf('"', this.#at);
      if (quote < 0) throw new SyntaxError('a text does not end');
      this.#at = quote + 1;
      let slashes = 0;
      while (this.#text[quote - 1 - slashes] === '\\') slashes++;
      if (slashes % 2 === 0) return JSON.parse(this.#text.slice(start, this.#at)) as string;
    }
  }

  end(): void {
    this.#space();
    if (this.#at < this.#text.length) throw new SyntaxError(`${this.#here()} follows the header's object`);
  }

  #wholeNumber(): number {
    this.#space();
    const pattern = /(?:0|[1-9][0-9]{0,15})(?![0-9.eE])/y;
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    const value = Number(found);
    if (found === undefined || !Number.isSafeInteger(value)) throw new SyntaxError(`a whole number from 0 to 2^53 is expected but ${this.#here()} stands there`);
    this.#at += found.length;
    return value;
  }

  #accept(sign: string): boolean {
    this.#space();
    if (this.#text[this.#at] !== sign) return false;
    this.#at++;
    return true;
  }

  #expect(sign: string): void {
    if (!this.#accept(sign)) throw new SyntaxError(`${JSON.stringify(sign)} is expected but ${this.#here()} stands there`);
  }

  #space(): void {
    while (' \t\n\r'.includes(this.#text[this.#at] ?? '_')) this.#at++;
  }

  #here(): string {
    return this.#at < this.#text.length ? JSON.stringify(this.#text.slice(this.#at, this.#at + 12)) : 'nothing';
  }
}
