/** Numbers for the few different texts that a journal has at each of its events. They stay as long as the journal does. */
export class Interned {
  readonly #numbers = new Map<string, number>()
  readonly #texts: string[] = []

  /** The number of a text, a new one if it has none. */
  numberOf(text: string): number {
    const known = this.#numbers.get(text)
    if (known !== undefined) return known
    this.#numbers.set(text, this.#texts.length)
    return this.#texts.push(text) - 1
  }

  /** The text of a number that was given out. */
  textOf(number: number): string {
    const text = this.#texts[number]
    if (text === undefined) throw new RangeError(`no text has the number ${number}`)
    return text
  }
}
