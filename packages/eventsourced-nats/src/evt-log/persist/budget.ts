/** Bounds how many bytes are on their way at once: whoever would go over it waits, first come, first served. */
export interface Budget {
  /** Takes a part of it. Answers at once if there is enough, else a promise of the part. More than all there is waits for all of it. */
  take(bytes: number): Promise<void> | undefined
  give(bytes: number): void
}

export function createBudget(total: number): Budget {
  const queue: { readonly bytes: number; readonly wake: () => void }[] = []
  let left = total
  const fits = (bytes: number) => left >= Math.min(bytes, total)
  return {
    take: (bytes) => {
      if (queue.length === 0 && fits(bytes)) {
        left -= bytes
        return undefined
      }
      return new Promise((wake) => queue.push({ bytes, wake }))
    },
    give: (bytes) => {
      left += bytes
      for (let next = queue[0]; next !== undefined && fits(next.bytes); next = queue[0]) {
        queue.shift()
        left -= next.bytes
        next.wake()
      }
    },
  }
}
