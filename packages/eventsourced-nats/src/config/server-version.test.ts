import { expect, test } from 'vitest'
import { MIN_SERVER_VERSION, missingFeatures } from './server-version.js'

test.for(['2.12.14', '2.12.15', '2.13.0', '2.15.1', '2.100.0', '3.0.0', '2.12.14-RC.1', 'v2.15.1', 'a fork'])(
  'nats-server %s is new enough',
  (version) => {
    expect(missingFeatures(version)).toEqual([])
  },
)

test.for(['2.12.13', '2.12.0', '2.11.9', '2.10.27', '2.9.10', '1.4.1'])('nats-server %s is too old', (version) => {
  expect(missingFeatures(version).length).toBeGreaterThan(0)
})

test('what is missing is told', () => {
  expect(missingFeatures('2.10.27')).toEqual(expect.arrayContaining(['batched direct gets', 'atomic batches']))
  expect(missingFeatures('2.10.27')).not.toContain('direct gets')
  expect(missingFeatures(MIN_SERVER_VERSION)).toEqual([])
})
