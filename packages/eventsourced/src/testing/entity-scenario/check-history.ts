import assert from 'node:assert/strict'
import type { Attempt } from './attempt.js'
import type { Entry } from './history.js'
import type { Moved } from './ledger.js'

/** An event that came of a command. */
export type CmdEntry = Entry & { readonly evt: Moved }

/** All that an entity's log has to say, at the end. */
export interface Past {
  readonly entries: readonly Entry[]
  /** By the number of the attempt that they came of. */
  readonly groups: ReadonlyMap<number, readonly CmdEntry[]>
  /** Where the entity was forgotten. */
  readonly forgottenAt: readonly number[]
}

/** How often somebody tried to forget an entity, and where it was forgotten for sure. */
export interface Forgets {
  readonly attempts: number
  readonly forSureAt: readonly number[]
}

/**
 * Takes a history apart. Each command's events are there once, whole and in one piece; they are what some caller asked for; and the entity
 * was forgotten as often as somebody had it forgotten.
 */
export function pastOf(entries: readonly Entry[], attempts: readonly Attempt[], forgets: Forgets): Past {
  const groups = groupsOf(entries.filter(isOfCmd))
  for (const [number, group] of groups) {
    const attempt = attempts.find((one) => one.number === number)
    assert.ok(attempt !== undefined, `nobody sent the command of event ${group[0]?.seqNo}`)
    checkGroup(group, attempt)
  }
  const forgottenAt = entries.flatMap((entry) => (isOfCmd(entry) ? [] : [entry.seqNo]))
  assert.ok(
    forgottenAt.length <= forgets.attempts,
    `it was forgotten at ${forgottenAt.join()}, more often than asked for`,
  )
  for (const seqNo of forgets.forSureAt) assert.ok(forgottenAt.includes(seqNo), `it was not forgotten at ${seqNo}`)
  return { entries, groups, forgottenAt }
}

function isOfCmd(entry: Entry): entry is CmdEntry {
  return entry.evt !== undefined
}

function groupsOf(entries: readonly CmdEntry[]): Map<number, CmdEntry[]> {
  const groups = new Map<number, CmdEntry[]>()
  for (const entry of entries) {
    const { attempt } = entry.evt
    const group = groups.get(attempt) ?? []
    groups.set(attempt, [...group, entry])
  }
  return groups
}

function checkGroup(group: readonly CmdEntry[], { cmd, options }: Attempt): void {
  const first = group[0]?.seqNo ?? 0
  const where = `the events from ${first} on`
  assert.ok(cmd.type === 'Move', `${where} are of a command that stores nothing`)
  assert.deepEqual(
    group.map(({ seqNo, evt: { part, of, by } }) => ({ seqNo, part, of, by })),
    Array.from({ length: cmd.times }, (_, index) => ({
      seqNo: first + index,
      part: index + 1,
      of: cmd.times,
      by: cmd.by,
    })),
    `${where} are not those of one command, once each`,
  )
  for (const [index, { cmdId, attempt }] of group.entries()) {
    assert.equal(attempt, options.metadata?.['attempt'], `${where} bear other metadata than their caller gave`)
    assert.equal(cmdId, index === group.length - 1 ? options.cmdId : undefined, `${where} bear another command id`)
  }
}

/** No command with an id is stored twice, unless as many others came between as the window holds, or the entity was forgotten. */
export function checkStoredOnce(entries: readonly Entry[], cmdWindow: number): void {
  let ids: string[] = []
  for (const { seqNo, cmdId, evt } of entries) {
    if (evt === undefined) ids = []
    if (cmdId === undefined) continue
    const last = ids.lastIndexOf(cmdId)
    const since = ids.length - 1 - last
    assert.ok(last === -1 || since >= cmdWindow, `the command ${cmdId} is stored again at event ${seqNo}`)
    ids.push(cmdId)
  }
}

/** What one instance judged is answered in the order in which it came, and stored in it, too. An uncertain command has no place in it. */
export function checkOrder(past: Past, attempts: readonly Attempt[]): void {
  for (const instance of new Set(attempts.map((attempt) => attempt.instance))) {
    const judged = attempts.filter(({ answer, instance: of }) => of === instance && answer?.kind !== 'failed')
    const seqNos = judged.flatMap(({ number }) => past.groups.get(number)?.[0]?.seqNo ?? [])
    assertGrowing(seqNos, 'the events of commands are not stored in the order in which these came')
    const answers = judged.map(({ answerNumber }) => answerNumber)
    assertGrowing(answers, 'callers are not answered in the order in which they came')
  }
}

function assertGrowing(numbers: readonly number[], message: string): void {
  const sorted = [...numbers].sort((left, right) => left - right)
  assert.deepEqual(numbers, sorted, message)
}
