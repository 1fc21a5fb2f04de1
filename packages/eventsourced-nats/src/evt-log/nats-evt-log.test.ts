import { evtLogSuite } from 'eventsourced/testing'
import { testNats } from 'eventsourced-tools/vitest'
import { nuid } from 'nats'
import { describe, test } from 'vitest'
import type { Batching } from './persist/way.js'
import { NatsEvtLog } from './nats-evt-log.js'

describe.each<{ batching: Batching }>([{ batching: 'auto' }, { batching: 'always' }])(
  'NatsEvtLog, batching $batching, keeps to the contract of an event log:',
  ({ batching }) => {
    const create = async () => {
      const config = { servers: testNats(), stream: `suite-${nuid.next()}`, setup: true, batching }
      const log = await NatsEvtLog.create(config)
      const logs = [log]
      return {
        log,
        reopen: async () => {
          const another = await NatsEvtLog.create({ ...config, setup: false })
          logs.push(another)
          return another
        },
        close: async () => {
          await Promise.all(logs.map((one) => one.close()))
        },
        openReads: () => logs.reduce((sum, one) => sum + one.openReads, 0),
      }
    }
    test.for(evtLogSuite)('$name', ({ run }) => run(create))
  },
)
