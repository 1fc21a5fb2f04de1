import { expect, test } from 'vitest'
import { readingPlaces } from './consumed-msg.js'

const PLACES = ['12.1.1795273296324969247', '9007199254740991.20.1795273297001000000', '13.21.1795273297001999999']
const EXPECTED = [
  { seq: 12, consumerSeq: 1, time: new Date(1_795_273_296_324) },
  { seq: 9_007_199_254_740_991, consumerSeq: 20, time: new Date(1_795_273_297_001) },
  { seq: 13, consumerSeq: 21, time: new Date(1_795_273_297_001) },
]

test.for([
  ['as it was', '$JS.ACK.events.consumer.1', '7'],
  ['with a domain', '$JS.ACK._.hash.events.consumer.1', '7'],
  ['with a domain and more behind', '$JS.ACK.hub.hash.events.consumer.1', '7.token.more'],
] as const)('a message tells its place by what acknowledges it, %s', ([, before, behind]) => {
  const placeOf = readingPlaces()
  expect(PLACES.map((place) => placeOf(`${before}.${place}.${behind}`))).toEqual(EXPECTED)
})

test.for(['', 'a.reply', '$JS.ACK.events.consumer.1.12.1', '$JS.ACK.events.consumer.1.12.x.1795273296324969247.7'])(
  '%j tells no place',
  (reply) => {
    expect(readingPlaces()(reply)).toBeUndefined()
  },
)
