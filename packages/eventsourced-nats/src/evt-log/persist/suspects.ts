import { messageOf } from '../../errors/message-of.js'
import { leaderMsg, type Stream } from '../stream.js'
import { Batcher } from './batcher.js'
import type { Outcome } from './outcome.js'
import type { Write } from './write.js'

// The server allows 50 for a stream, shared by all processes.
const MAX_IN_FLIGHT = 4
/** Some never come back: so many are remembered. */
const MAX_SUSPECTS = 1_000

type Send = (write: Write, onOutcome: (outcome: Outcome) => void) => void

/**
 * Sends writes in batches that they share, but keeps those apart whose entity has conflicted and has stored nothing since: they would fail their neighbours' batches over and over. Such a
 * one is compared with the entity's head first, which costs the server a hundredth of a batch. If its fence holds it shares a batch with others of its kind, and of those there
 * is one at a time, however many they are.
 */
export function sharedBatches(stream: Stream): Send {
  const trusted = new Batcher(stream, MAX_IN_FLIGHT - 1)
  const suspected = new Batcher(stream, 1)
  const suspects = new Set<string>()
  const sendSuspect = async (write: Write, settle: (outcome: Outcome) => void) => {
    const outcome = await failing(stream, write)
    if (outcome === undefined) suspected.send(write, settle)
    else settle(outcome)
  }
  return (write, onOutcome) => {
    const { subject } = write
    const settle = (outcome: Outcome) => {
      if (suspects.size >= MAX_SUSPECTS) suspects.clear()
      if (outcome.kind === 'conflict') suspects.add(subject)
      else if (outcome.kind === 'stored') suspects.delete(subject)
      onOutcome(outcome)
    }
    if (suspects.has(subject)) void sendSuspect(write, settle)
    else trusted.send(write, settle)
  }
}

/** How a write would fail, if that is known before it is sent. */
async function failing(stream: Stream, { subject, fence }: Write): Promise<Outcome | undefined> {
  try {
    const last = await leaderMsg(stream, { last_by_subj: subject })
    return (last?.seq ?? 0) === fence ? undefined : { kind: 'conflict' }
  } catch (error) {
    return { kind: 'not-stored', why: messageOf(error) }
  }
}
