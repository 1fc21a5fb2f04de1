import assert from 'node:assert/strict'
import type { Attempt } from './attempt.js'
import { type Entry, ledgersAt } from './history.js'
import type { Ledger } from './ledger.js'

/** All that an entity's log has to say, at the end. */
export interface Past {
  readonly entries: readonly Entry[]
  /** By the number of the attempt that they came of. */
  readonly groups: ReadonlyMap<number, readonly Entry[]>
  ledgersAt(seqNo: number): readonly Ledger[]
}

/**
 * Takes a history apart. Each command's events are there once, whole and in one piece; they are what some caller asked for; and the entity
 * begins anew where it was forgotten, and nowhere else.
 */
export function pastOf(
  entries: readonly Entry[],
  attempts: readonly Attempt[],
  emptied: { readonly at: readonly number[]; readonly forSureAt: readonly number[] },
): Past {
  const groups = groupsOf(entries)
  for (const [number, group] of groups) {
    const attempt = attempts.find((one) => one.number === number)
    assert.ok(attempt !== undefined, `nobody sent the command of event ${group[0]?.seqNo}`)
    checkGroup(group, attempt)
  }
  for (const { seqNo, startsAnew } of entries) {
    if (startsAnew)
      assert.ok(emptied.at.includes(seqNo - 1), `event ${seqNo} begins anew, and nobody forgot the entity`)
    else assert.ok(!emptied.forSureAt.includes(seqNo - 1), `event ${seqNo} does not begin anew`)
  }
  return { entries, groups, ledgersAt: (seqNo) => ledgersAt(entries, seqNo, emptied.at) }
}

function groupsOf(entries: readonly Entry[]): Map<number, Entry[]> {
  const groups = new Map<number, Entry[]>()
  for (const entry of entries) {
    const { attempt } = entry.evt
    const group = groups.get(attempt) ?? []
    groups.set(attempt, [...group, entry])
  }
  return groups
}

function checkGroup(group: readonly Entry[], { cmd, options }: Attempt): void {
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
  for (const { seqNo, cmdId, startsAnew } of entries) {
    if (startsAnew) ids = []
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
