import type { Binarizer } from '../binarizer/binarizer.js'
import type { RejectionOf, ReplyOf } from '../domain/command.js'
import type { EventSourced, Metadata } from '../domain/event-sourced.js'
import type { MatchingCmd } from '../entity/cmd-result.js'
import { checkId } from '../log/entity-key.js'
import { type Decision, decide } from './test-kit/decision.js'
import { applyAll, type Happened, replayAll, stateAfter, type Tested } from './test-kit/past.js'
import { survivors } from './test-kit/survivors.js'

/** What a domain type is tested with. */
export interface EntityTestKitOptions<Evt, State> {
  /** The one that the entity runs with: events, states and replies must survive it. */
  readonly binarizer: Binarizer<Evt, State>
}

const NIL_ID = '00000000-0000-0000-0000-000000000000'

/** What a command handler is told besides the state and the command; see `CmdContext`. */
export interface WhenOptions {
  /** The entity's id; `00000000-0000-0000-0000-000000000000` by default. */
  readonly id?: string
  /** When the command arrives; 1970-01-01 by default, so that a test is the same each time. */
  readonly now?: Date
  readonly metadata?: Metadata
}

/** The command was accepted. */
export interface TestAccepted<Cmd, Evt, State> {
  readonly ok: true
  /** The command's events. */
  readonly evts: readonly Evt[]
  readonly reply: ReplyOf<Cmd>
  readonly rejection?: never
  /** The state after the events. */
  readonly state: State
  /** The seqNo of the entity's last event. */
  readonly seqNo: number
}

/** The command was refused by its handler. */
export interface TestRejected<Cmd, State> {
  readonly ok: false
  readonly evts: readonly []
  readonly reply?: never
  readonly rejection: RejectionOf<Cmd>
  /** The state, unchanged. */
  readonly state: State
  readonly seqNo: number
}

/** How a command ended. One that can't be rejected needs no look at `ok`. */
export type TestResult<Cmd, Evt, State> =
  | TestAccepted<Cmd, Evt, State>
  | ([RejectionOf<Cmd>] extends [never] ? never : TestRejected<Cmd, State>)

/** An entity with a past. */
export interface GivenEntity<Cmd, Evt, State> {
  /** The state after the events given. */
  readonly state: State
  /** How many they are. */
  readonly seqNo: number
  /**
   * Handles a command. Any number of commands may be tried on the same entity: none changes it.
   *
   * @throws {AssertionError} if a handler is not pure or something does not survive the binarizer; what a handler throws
   */
  when<Given extends Cmd>(cmd: Given, options?: WhenOptions): TestResult<MatchingCmd<Cmd, Given>, Evt, State>
}

/** Tests a domain type; made by `EntityTestKit.of`. */
export interface EntityTestKit<Cmd, Evt, State> {
  /**
   * An entity whose events these are, from the first on.
   *
   * @throws {AssertionError} if the event handler is not pure or something does not survive the binarizer; what the handler throws
   */
  given(...evts: readonly Evt[]): GivenEntity<Cmd, Evt, State>
}

/**
 * Tests a domain type without a log, a server or anything to wait for: given events, when a command comes, then these are its events, its
 * reply or rejection, and the state. It works in any test runner.
 *
 * Each time it also checks what the runtime relies on, and fails with an `AssertionError` that says what is wrong:
 * - the handlers are pure: they answer the same when asked again later, and leave alone what they are given;
 * - the events, the states after them and the reply come back from the binarizer as they were;
 * - replaying the stored events leads to the same states.
 *
 * @example
 * const kit = EntityTestKit.of(counter, { binarizer })
 *
 * test('what would be too much is rejected', () => {
 *   const { evts, rejection } = kit.given({ type: 'Increased', inc: MAX }).when({ type: 'Inc', inc: 1n })
 *   assert.deepEqual(evts, [])
 *   assert.deepEqual(rejection, { type: 'Overflow', value: MAX, inc: 1n })
 * })
 */
export const EntityTestKit = {
  of<Cmd, Evt, State>(
    domain: EventSourced<Cmd, Evt, State>,
    { binarizer }: EntityTestKitOptions<Evt, State>,
  ): EntityTestKit<Cmd, Evt, State> {
    const tested: Tested<Cmd, Evt, State> = { domain, survivors: survivors(binarizer) }
    return {
      given(...evts) {
        const past = applyAll(tested, [], evts)
        replayAll(tested, past)
        return {
          state: stateAfter(tested, past),
          seqNo: past.length,
          when: (cmd, options) => when(tested, past, cmd, options),
        }
      },
    }
  },
}

function when<Cmd, Evt, State, Given extends Cmd>(
  tested: Tested<Cmd, Evt, State>,
  past: readonly Happened<Evt, State>[],
  cmd: Given,
  { id = NIL_ID, now = new Date(0), metadata = {} }: WhenOptions = {},
): TestResult<MatchingCmd<Cmd, Given>, Evt, State> {
  const decision = decide(tested, past, cmd, { id: checkId(id), now, metadata: { ...metadata } })
  const result = resultOf(tested, past, decision)
  // That the reply and the rejection are those of this command is what EventSourced asks of its handler.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- see above
  return result as TestResult<MatchingCmd<Cmd, Given>, Evt, State>
}

function resultOf<Cmd, Evt, State>(
  tested: Tested<Cmd, Evt, State>,
  past: readonly Happened<Evt, State>[],
  decision: Decision<Evt, State>,
): object {
  if (decision.kind === 'rejected') {
    const { rejection } = decision
    return { ok: false, evts: [], rejection, state: stateAfter(tested, past), seqNo: past.length }
  }
  const { evts, reply, past: now } = decision
  replayAll(tested, now)
  return { ok: true, evts, reply, state: stateAfter(tested, now), seqNo: now.length }
}
