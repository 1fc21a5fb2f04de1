import { show } from '../errors.js'
import type { CmdEffect } from './effect.js'
import type { CmdContext } from './event-sourced.js'

/** One handler for each command of a union that is told apart by `type`. */
export type CmdHandlers<Cmd extends { readonly type: string }, Evt, State> = {
  readonly [Type in Cmd['type']]: (
    state: State,
    cmd: Extract<Cmd, { readonly type: Type }>,
    ctx: CmdContext,
  ) => CmdEffect<Extract<Cmd, { readonly type: Type }>, Evt, State>
}

/**
 * Builds `handleCmd` out of one handler a command type; the compiler asks for each of them.
 *
 * @example
 * handleCmd: byType({ Inc: (value, { inc }) => …, Dec: (value, { dec }) => … })
 */
export function byType<Cmd extends { readonly type: string }, Evt, State>(
  handlers: CmdHandlers<Cmd, Evt, State>,
): (state: State, cmd: Cmd, ctx: CmdContext) => CmdEffect<Cmd, Evt, State> {
  type Handler = (state: State, cmd: Cmd, ctx: CmdContext) => CmdEffect<Cmd, Evt, State>
  // That the handler under a command's type takes that command is what CmdHandlers says, beyond what the compiler can follow.
  const isHandler = (value: unknown): value is Handler => typeof value === 'function'
  const byName = new Map<string, unknown>(Object.entries(handlers))
  return (state, cmd, ctx) => {
    const handler = byName.get(cmd.type)
    if (!isHandler(handler)) {
      throw new TypeError(
        `no handler for the command type ${show(cmd.type)}: expected one of ${[...byName.keys()].join(', ')}`,
      )
    }
    return handler(state, cmd, ctx)
  }
}
