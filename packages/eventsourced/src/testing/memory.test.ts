import { describe, test } from 'vitest'
import { MemoryEvtLog } from '../memory/memory-evt-log.js'
import { evtLogSuite } from './evt-log-suite.js'

describe('MemoryEvtLog', () => {
  const create = async () => {
    const log = new MemoryEvtLog()
    const logs = [log]
    return {
      log,
      reopen: async () => {
        const another = new MemoryEvtLog({ storageOf: log })
        logs.push(another)
        return another
      },
      close: async () => {
        await Promise.all(logs.map((one) => one.close()))
      },
    }
  }
  test.for(evtLogSuite)('$name', ({ run }) => run(create))
})
