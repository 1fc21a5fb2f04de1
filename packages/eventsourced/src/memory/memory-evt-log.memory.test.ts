import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test, vi } from 'vitest'
import { appendIds } from '../log/append-id.js'
import { entityKey } from '../log/entity-key.js'
import { MemoryEvtLog } from './memory-evt-log.js'

const MIB = 2 ** 20
const PAYLOADS = 50

setFlagsFromString('--expose-gc')
const collectGarbage: () => void = runInNewContext('gc')

// In a file of its own, since it looks at the memory of the whole process.
test('the memory of deleted events is given back', async () => {
  const log = new MemoryEvtLog()
  const key = entityKey('counter', '0193a0b4-7e5f-7c3b-8a1d-2e4f6a8b0c1d')
  const nextAppendId = appendIds()
  const before = usedBytes()
  for (let count = 0; count < PAYLOADS; count++) {
    const evt = { type: 'Grown', version: 1, bytes: new Uint8Array(MIB), metadata: {} }
    await log.persist({ key, expected: await log.head(key), appendId: nextAppendId(), groups: [[evt]] })
  }
  expect(usedBytes() - before).toBeGreaterThanOrEqual(PAYLOADS * MIB)
  await log.deleteEvts(key, PAYLOADS)
  await vi.waitFor(() => expect(usedBytes() - before).toBeLessThan(5 * MIB))
  expect(await log.head(key)).toMatchObject({ seqNo: PAYLOADS })
})

function usedBytes(): number {
  collectGarbage()
  return process.memoryUsage().arrayBuffers
}
