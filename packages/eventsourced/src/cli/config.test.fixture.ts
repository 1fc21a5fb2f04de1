import { MemoryEvtLog } from '../memory/memory-evt-log.js'
import { MemoryOffsetStore } from '../projection/memory-offset-store.js'

// Each command closes what it was given; the next one of a test needs it again.
class OpenEvtLog extends MemoryEvtLog {
  override async close(): Promise<void> {}
}
class OpenOffsetStore extends MemoryOffsetStore {
  override async close(): Promise<void> {}
}

export const evtLog = new OpenEvtLog()
export const offsetStore = new OpenOffsetStore()
