import type { PersistedEvt } from '../log/evt-log.js'
import { readCmdId } from './reserved-metadata.js'

/** A command with an id whose events are stored: what it is answered with when it comes again. */
export interface RememberedCmd {
  readonly cmdId: string
  /** The command's last event. */
  readonly seqNo: number
  /** That event's; 0 until it is stored. */
  position: number
  /** The encoded reply in base64, if there is one. */
  readonly reply: string | undefined
}

/** The last commands with an id, in the order of their events. Older ones are forgotten. */
export class CmdWindow {
  readonly #size: number
  /** Most entities never see a command with an id. */
  #byId: Map<string, RememberedCmd> | undefined

  constructor(size: number, remembered: Iterable<RememberedCmd> = []) {
    this.#size = size
    for (const cmd of remembered) this.add(cmd)
  }

  get(cmdId: string): RememberedCmd | undefined {
    return this.#byId?.get(cmdId)
  }

  add(cmd: RememberedCmd): void {
    const byId = (this.#byId ??= new Map<string, RememberedCmd>())
    byId.delete(cmd.cmdId)
    byId.set(cmd.cmdId, cmd)
    for (const oldest of byId.keys()) {
      if (byId.size <= this.#size) break
      byId.delete(oldest)
    }
  }

  /** Remembers the command of an event that is replayed, if it is the last of one with an id. */
  addFrom({ seqNo, position, metadata }: PersistedEvt): void {
    const read = readCmdId(metadata)
    if (read !== undefined) this.add({ ...read, seqNo, position })
  }

  /** A window of its own with the same commands. */
  copy(): CmdWindow {
    return new CmdWindow(this.#size, this.#byId?.values())
  }

  /** The commands up to an event, oldest first. */
  upTo(seqNo: number): readonly RememberedCmd[] {
    return [...(this.#byId?.values() ?? [])].filter((cmd) => cmd.seqNo <= seqNo)
  }
}
