import type { Cmd } from './ledger.js'
import type { Send } from './scenario.js'

/** The simplest command that stores something. */
export const MOVE: Send = {
  what: 'move',
  by: 1,
  times: 1,
  withCmdId: false,
  fresh: false,
  expected: undefined,
  patience: 'endless',
}

/** The command that is sent, as the attempt of this number. */
export function cmdOf({ what, by, times }: Send, attempt: number): Cmd {
  switch (what) {
    case 'move':
      return { type: 'Move', attempt, by, times }
    case 'look':
      return { type: 'Look' }
    case 'failing cmd':
      return { type: 'Fail', attempt, in: 'cmd' }
    case 'failing evt':
      return { type: 'Fail', attempt, in: 'evt' }
    case 'failing reply':
      return { type: 'Fail', attempt, in: 'reply' }
    case 'failing encoding':
      return { type: 'Fail', attempt, in: 'encoding' }
  }
}
