import { setTimeout as delay } from 'node:timers/promises'
import { Entity, MemoryEvtLog, MemorySnapshotStore, snapshotEvery } from 'eventsourced'
import { counter, counterBinarizer } from 'eventsourced-counter'
import { v7 } from 'uuid'
import type { Contender } from '../measure.js'

const COMMANDS = 100_000
const EVERY = 100

class SlowSnapshotStore extends MemorySnapshotStore {
  override async save(...args: Parameters<MemorySnapshotStore['save']>): ReturnType<MemorySnapshotStore['save']> {
    await delay(5)
    return super.save(...args)
  }
}

/** Commands of one entity, each awaited, with a snapshot due every 100 into a store that takes 5 ms; and without snapshots. A reply that waited for the store would show at once: 200 a second. */
export function withAndWithoutSnapshots(): readonly Contender[] {
  const run = async (domain: typeof counter) => {
    const options = { evtLog: new MemoryEvtLog(), snapshotStore: new SlowSnapshotStore(), binarizer: counterBinarizer }
    const ref = await Entity.spawn(v7(), domain, options)
    for (let n = 0; n < COMMANDS; n++) {
      await ref.handleCmd({ type: 'Inc', inc: 1n })
      // Snapshots begin in another turn.
      if (n % EVERY === 0) await new Promise(setImmediate)
    }
    return COMMANDS
  }
  return [
    {
      name: 'a snapshot due every 100 commands, the store takes 5 ms',
      run: () => run({ ...counter, snapshot: snapshotEvery(EVERY) }),
    },
    { name: 'no snapshots', run: () => run(counter) },
  ]
}
