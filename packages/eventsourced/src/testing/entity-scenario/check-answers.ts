import assert from 'node:assert/strict'
import { type ErrorCode, hasCode } from '../../errors.js'
import type { Answer, Attempt } from './attempt.js'
import type { Past } from './check-history.js'
import { ledgerAt } from './history.js'
import { type Fail, type Ledger, MAX_SUM } from './ledger.js'
import type { Setup } from './scenario.js'

/** What an attempt heard is what came of it. */
export function checkAnswer(past: Past, attempt: Attempt, setup: Setup): void {
  const { answer } = attempt
  assert.ok(answer !== undefined, 'it has no answer')
  const stored = past.groups.get(attempt.number)
  switch (answer.kind) {
    case 'accepted':
      if (answer.repeated) checkRepeated(past, attempt, answer)
      else if (stored === undefined) checkNothingStored(past, attempt, answer)
      else checkStored(past, attempt, answer)
      return
    case 'rejected':
      assert.equal(stored, undefined, 'it was rejected, and yet its events are stored')
      return checkRejected(past, attempt, answer)
    case 'failed':
      if (!hasCode(answer.error, 'UNCERTAIN')) {
        assert.equal(stored, undefined, 'it failed, not as uncertain, and yet its events are stored')
      }
      return checkFailed(past, attempt, answer.error, setup)
  }
}

type Accepted = Extract<Answer, { readonly kind: 'accepted' }>
type Rejected = Extract<Answer, { readonly kind: 'rejected' }>

function checkStored(past: Past, { number, options, known }: Attempt, answer: Accepted): void {
  const group = past.groups.get(number) ?? []
  const [first, last] = [group[0], group.at(-1)]
  assert.ok(first !== undefined && last !== undefined)
  assert.equal(answer.seqNo, last.seqNo, 'it was told another seqNo than that of its last event')
  assert.equal(answer.position, last.position, 'it was told another position than that of its last event')
  assert.deepEqual(
    answer.evts,
    group.map(({ evt }) => evt),
    'it was told other events than those stored',
  )
  assert.deepEqual(answer.reply, last.ledger, 'its reply is not the state after its events')
  assert.ok(
    first.seqNo > known.byAnyone,
    `its first event, ${first.seqNo}, is not behind what was known when it was sent`,
  )
  if (options.expectedSeqNo !== undefined) {
    assert.equal(first.seqNo, options.expectedSeqNo + 1, 'it was stored behind another event than the one expected')
  }
}

function checkNothingStored(past: Past, attempt: Attempt, answer: Accepted): void {
  assert.equal(attempt.cmd.type, 'Look', 'it was acknowledged, and its events are not in the log')
  assert.deepEqual(answer.evts, [], 'it was told of events, and none is stored')
  checkSeen(past, attempt, answer.seqNo, answer.reply)
  const position = past.entries[answer.seqNo - 1]?.position ?? 0
  assert.equal(answer.position, position, 'it was told another position than that of the event it saw last')
  const { expectedSeqNo } = attempt.options
  if (expectedSeqNo !== undefined)
    assert.equal(answer.seqNo, expectedSeqNo, 'it saw another event than the one expected')
}

function checkRepeated(past: Past, { number, options, known }: Attempt, answer: Accepted): void {
  assert.ok(options.cmdId !== undefined, 'it has no id, and was told that it was handled before')
  assert.equal(past.groups.get(number), undefined, 'it was told that it was handled before, and is stored itself')
  const entry = past.entries[answer.seqNo - 1]
  assert.ok(entry !== undefined, `it was told of event ${answer.seqNo}, which does not exist`)
  assert.equal(entry.cmdId, options.cmdId, `event ${answer.seqNo} is not the last one of a command with its id`)
  assert.equal(answer.position, entry.position, 'it was told another position than the first time')
  assert.deepEqual(answer.reply, entry.ledger, 'it was told another reply than the first time')
  assert.deepEqual(answer.evts, [], 'it was told of events, and stored none')
  // Like any query it may be stale, where another process forgot the entity.
  const forgottenAt = past.forgottenAt.findLast((seqNo) => seqNo <= known.byInstance) ?? 0
  assert.ok(answer.seqNo > forgottenAt, `event ${answer.seqNo}, of which it was told, had been forgotten`)
}

function checkRejected(past: Past, attempt: Attempt, { rejection }: Rejected): void {
  const { cmd, options, known } = attempt
  if (rejection.type === 'MovedOn') {
    assert.equal(rejection.expectedSeqNo, options.expectedSeqNo, 'it expected another seqNo')
    assert.notEqual(rejection.seqNo, options.expectedSeqNo, 'the entity has not moved on')
    assert.ok(rejection.seqNo <= past.entries.length, `event ${rejection.seqNo}, of which it was told, does not exist`)
    assert.ok(rejection.seqNo >= known.byAnyone, 'it was rejected on an older state than was known when it was sent')
    return
  }
  checkSeen(past, attempt, rejection.seqNo, rejection.ledger)
  assert.ok(cmd.type === 'Move', 'no such command is rejected')
  const sum = rejection.ledger.sum + cmd.by * cmd.times
  assert.ok(sum < 0 || sum > MAX_SUM, 'it was rejected without a reason')
}

/** A state that was seen is the one after some event, no older than its caller may expect. */
function checkSeen(past: Past, { options, known }: Attempt, seqNo: number, seen: Ledger): void {
  assert.deepEqual(seen, ledgerAt(past.entries, seqNo), `it saw another state at event ${seqNo} than the log has`)
  const { fresh = false, cmdId, expectedSeqNo } = options
  const isFresh = fresh || cmdId !== undefined || expectedSeqNo !== undefined
  const least = isFresh ? known.byAnyone : known.byInstance
  assert.ok(seqNo >= least, `it saw event ${seqNo}, and ${least} was known when it was sent`)
}

const CODE_OF_FAILURE: Readonly<Record<Fail['in'], ErrorCode>> = {
  cmd: 'CMD_HANDLER_FAILED',
  evt: 'EVT_HANDLER_FAILED',
  reply: 'CMD_HANDLER_FAILED',
  encoding: 'BINARIZER_FAILED',
}

/** An error is one that the setup, the faults or the command itself explain. */
function checkFailed(past: Past, { cmd, options, known }: Attempt, error: Error, setup: Setup): void {
  const { mailboxFull, waiting, conflictAttempts } = setup
  const codes: ErrorCode[] = ['CONFLICT', 'REFUSED', 'UNAVAILABLE', 'UNCERTAIN', 'RECOVERY_FAILED']
  if (options.signal !== undefined || options.deadline !== undefined) codes.push('WITHDRAWN')
  if (mailboxFull === 'fail') codes.push('MAILBOX_FULL')
  if (waiting === 'fail') codes.push('RECOVERING')
  if (cmd.type === 'Fail') codes.push(CODE_OF_FAILURE[cmd.in])
  assert.ok(
    codes.some((code) => hasCode(error, code)),
    `it failed in a way that nothing explains: ${error.stack ?? error.message}`,
  )
  if (hasCode(error, 'CONFLICT')) {
    const firsts = [...past.groups.values()].map(([first]) => first?.seqNo ?? 0)
    const since = [...firsts, ...past.forgottenAt].filter((seqNo) => seqNo > known.byInstance)
    const others = `${since.length} times others stored something since what it was judged on`
    assert.ok(since.length > conflictAttempts, `it was given up after too few conflicts: ${others}`)
  }
}
