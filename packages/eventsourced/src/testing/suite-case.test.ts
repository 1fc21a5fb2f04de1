import { expect, test } from 'vitest'
import { suiteCase } from './suite-case.js'

const never = new Promise<never>(() => {})

function newSubject(close: () => Promise<void> = async () => {}) {
  const subject = {
    closings: 0,
    close: () => {
      subject.closings++
      return close()
    },
  }
  return subject
}

test('a case that keeps its promise closes its subject', async () => {
  const subject = newSubject()
  await suiteCase('', async () => {}).run(async () => subject)
  expect(subject.closings).toBe(1)
})

test('a case that fails closes its subject, and says what failed first', async () => {
  const failure = new Error('the first')
  const subject = newSubject(() => Promise.reject(new Error('in its wake')))
  const failing = suiteCase('', () => Promise.reject(failure))
  await expect(failing.run(async () => subject)).rejects.toBe(failure)
  expect(subject.closings).toBe(1)
})

test('a subject that fails to close fails the case', async () => {
  const failure = new Error('still open')
  const passing = suiteCase('', async () => {})
  await expect(passing.run(async () => newSubject(() => Promise.reject(failure)))).rejects.toBe(failure)
})

test('what hangs fails the case at its deadline, by name', async () => {
  const passing = suiteCase('', async () => {})
  const hanging = suiteCase('', () => never)
  const deadline = { deadlineMs: 10 }
  await expect(passing.run(() => never, deadline)).rejects.toThrow('create() is not done after 10 ms')
  await expect(hanging.run(async () => newSubject(), deadline)).rejects.toThrow('the case is not done after 10 ms')
  await expect(passing.run(async () => newSubject(() => never), deadline)).rejects.toThrow(
    'close() is not done after 10 ms',
  )
  await expect(hanging.run(async () => newSubject(() => never), deadline)).rejects.toThrow('the case is not done')
})
