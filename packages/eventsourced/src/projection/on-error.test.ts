import { afterEach, beforeEach, expect, test } from 'vitest'
import { EventSourcedError } from '../errors.js'
import type { OnError } from './on-error.js'
import { verdictOf } from './on-error.js'
import { Bench, newId } from './projection.test.fixture.js'

let bench: Bench
beforeEach(() => {
  bench = new Bench()
})
afterEach(() => bench.end())

function throwing(): never {
  throw new Error('cannot say')
}

/** What plain JavaScript may hand in. */
function answering(verdict: unknown): OnError {
  return (failed) => {
    const answer: ReturnType<OnError> = Object.assign(Object(verdict), {})
    return failed.attempts > 0 ? answer : { kind: 'skip' }
  }
}

test.for([
  ['throws', throwing, 'cannot say'],
  ['answers with a promise', answering(Promise.resolve({ kind: 'park' })), 'no verdict'],
  ['answers with another word', answering({ kind: 'retry' }), 'no verdict'],
  ['answers with a wait that is no number', answering({ kind: 'again', afterMs: Number.NaN }), 'no verdict'],
] as const)(
  'where onError %s the slice stops and says so, nothing is passed over, and the others go on',
  async ([, onError, why]) => {
    const [sick, other] = [newId(1), newId(2)]
    let isHealed = false
    const projection = await bench.start({
      onError,
      handle: (evt) => {
        if (evt.key.id === sick && evt.seqNo === 2 && !isHealed) throw new Error('a bad event')
        bench.seen.add(evt)
      },
    })
    const last = await bench.note(sick, 3)
    await projection.reached(await bench.note(other, 3))
    await expect.poll(async () => (await projection.status()).slices[1]?.state).toBe('failed')
    const { lastError } = await projection.status()
    expect(lastError).toMatchObject({ code: 'PROJECTION_ON_ERROR_FAILED', stopped: true })
    expect(lastError?.message).toContain(why)
    expect(lastError?.message).toContain('a bad event')
    expect(bench.seen.of(sick)).toEqual([1])
    isHealed = true
    await projection.manage.resume()
    await projection.reached(last)
    expect(bench.seen.of(sick)).toEqual([1, 2, 3])
  },
)

test('an event is judged by the error and by how often it was tried', () => {
  const failed = { error: new Error('no'), attempts: 3, isUndecodable: false }
  const onError: OnError = ({ attempts }) => (attempts < 3 ? { kind: 'again', afterMs: 10 } : { kind: 'park' })
  expect(verdictOf(onError, { ...failed, attempts: 2 })).toEqual({ kind: 'again', afterMs: 10 })
  expect(verdictOf(onError, failed)).toEqual({ kind: 'park' })
  expect(() => verdictOf(throwing, failed)).toThrow(EventSourcedError)
})
