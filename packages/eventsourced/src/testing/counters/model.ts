import type { Counts } from '../../counters/instance-aware-counter.js'
import { DEAD_MS, FORGOTTEN_MS } from './fixture.js'

/** What counters are, said as plainly as can be: judges what stores make of them. Knows no epochs, since it simply drops what is void. */
export class CounterModel {
  now = 0
  readonly #keys = new Map<string, Map<string, bigint>>()
  readonly #aliveUntil = new Map<string, number>()

  beat(instance: string): void {
    const aliveUntil = this.#aliveUntil.get(instance) ?? this.now
    if (aliveUntil + FORGOTTEN_MS <= this.now) this.clearOnInstance(instance)
    this.#aliveUntil.set(instance, this.now + DEAD_MS)
  }

  get(instance: string, key: string): Counts {
    const slices = [...(this.#keys.get(key) ?? [])].filter(([id]) => (this.#aliveUntil.get(id) ?? 0) > this.now)
    return { total: slices.reduce((sum, [, count]) => sum + count, 0n), own: this.#own(instance, key) }
  }

  inc(instance: string, key: string, count: bigint): Counts {
    return this.setOnInstance(instance, key, this.#own(instance, key) + count)
  }

  set(instance: string, key: string, count: bigint): Counts {
    this.#keys.delete(key)
    return this.setOnInstance(instance, key, count)
  }

  setOnInstance(instance: string, key: string, count: bigint): Counts {
    const slices = this.#keys.get(key) ?? new Map<string, bigint>()
    this.#keys.set(key, slices.set(instance, count))
    return this.get(instance, key)
  }

  del(instance: string, key: string): Counts {
    const before = this.get(instance, key)
    this.#keys.delete(key)
    return before
  }

  delOnInstance(instance: string, key: string): Counts {
    const own = this.#own(instance, key)
    this.#keys.get(key)?.delete(instance)
    return { total: this.get(instance, key).total, own }
  }

  clear(): void {
    this.#keys.clear()
  }

  clearOnInstance(instance: string): void {
    for (const slices of this.#keys.values()) slices.delete(instance)
  }

  #own(instance: string, key: string): bigint {
    return this.#keys.get(key)?.get(instance) ?? 0n
  }
}
