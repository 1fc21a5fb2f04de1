import { expect, test } from 'vitest'
import { byType } from '../domain/by-type.js'
import type { Command } from '../domain/command.js'
import { persist } from '../domain/effect.js'
import type { EventSourced } from '../domain/event-sourced.js'
import { jsonBinarizer } from '../binarizer/json-binarizer.js'
import { MAX_METADATA_CHARS } from '../log/check.js'
import { counter, evtsOf, fixture } from './counter.test.fixture.js'
import { Entity } from './entity.js'

interface Echo extends Command<string> {
  readonly type: 'Echo'
  readonly reply: string
}

/** Replies with what it is told to. */
const echo: EventSourced<Echo, { readonly type: 'Echoed' }, number> = {
  typeName: 'counter',
  initialState: 0,
  handleCmd: byType({ Echo: (_, { reply }) => persist({ type: 'Echoed' }, () => reply) }),
  handleEvt: (count) => count + 1,
}

function echoFixture() {
  const { id, log, evtLog } = fixture()
  return { id, log, spawn: () => Entity.spawn(id, echo, { evtLog, binarizer: jsonBinarizer() }) }
}

/** A reply whose JSON has so many bytes. */
const sized = (bytes: number) => 'x'.repeat(bytes - 2)

test('a command with an id, a reply of the largest size and as much metadata as there may be is stored', async () => {
  const { id, log, spawn } = echoFixture()
  const metadata = { name: 'x'.repeat(MAX_METADATA_CHARS - 'name'.length) }
  const options = { cmdId: 'i'.repeat(128), metadata }
  const reply = sized(8_192)
  expect(await (await spawn()).handleCmd({ type: 'Echo', reply }, options)).toMatchObject({ reply })
  expect((await evtsOf(log, id))[0]?.metadata).toMatchObject(metadata)
  expect(await (await spawn()).handleCmd({ type: 'Echo', reply }, options)).toMatchObject({ repeated: true, reply })
})

test('a reply that is too large to be kept refuses its command, by name, size and bound, and harms no other', async () => {
  const { id, log, spawn } = echoFixture()
  const ref = await spawn()
  const [large, small, without] = await Promise.allSettled([
    ref.handleCmd({ type: 'Echo', reply: sized(8_193) }, { cmdId: 'large' }),
    ref.handleCmd({ type: 'Echo', reply: 'small' }, { cmdId: 'small' }),
    ref.handleCmd({ type: 'Echo', reply: sized(100_000) }),
  ])
  expect(large).toMatchObject({
    reason: { code: 'REFUSED', reason: 'too-large', message: expect.stringMatching(/reply.*large.*8193 bytes.*8192/) },
  })
  expect(small).toMatchObject({ value: { reply: 'small', seqNo: 1 } })
  expect(without).toMatchObject({ value: { seqNo: 2 } })
  expect(await evtsOf(log, id)).toHaveLength(2)
})

test('a caller can not pass off metadata as the library’s own', async () => {
  const { id, evtLog, binarizer } = fixture()
  const ref = await Entity.spawn(id, counter, { evtLog, binarizer })
  const forged = ref.handleCmd({ type: 'Inc', inc: 1 }, { metadata: { 'es-cmd-id': 'x' } })
  await expect(forged).rejects.toMatchObject({ code: 'INVALID_INPUT', field: 'metadata' })
})
