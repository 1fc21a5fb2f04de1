import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'nats'
import { expect, it } from 'vitest'
import { startNatsServer } from './nats-server.js'

it('keeps what JetStream acknowledged from run to run, also when it was killed', async () => {
  const storeDir = mkdtempSync(join(tmpdir(), 'eventsourced-nats-test-'))
  const first = await startNatsServer({ storeDir, syncAlways: true })
  const one = await connect({ servers: first.url })
  await (await one.jetstreamManager()).streams.add({ name: 'S', subjects: ['s'] })
  await one.jetstream().publish('s')
  await one.close()
  await first.stop()

  const second = await startNatsServer({ storeDir, port: first.port })
  const two = await connect({ servers: second.url })
  expect((await two.jetstream().publish('s')).seq).toBe(2)
  await two.close()
  await second.kill()
  await second.start()
  const three = await connect({ servers: first.url })
  expect((await (await three.jetstreamManager()).streams.info('S')).state.last_seq).toBe(2)
  await three.close()
  await second.stop()
  rmSync(storeDir, { recursive: true })
})

it('takes the largest payload and further configuration', async () => {
  const server = await startNatsServer({
    jetstream: false,
    maxPayload: 2_000_000,
    config: 'authorization { token: "secret" }',
  })
  await expect(connect({ servers: server.url })).rejects.toThrow(/Authorization Violation/)
  const connection = await connect({ servers: server.url, token: 'secret' })
  expect(connection.info).toMatchObject({ max_payload: 2_000_000, version: server.version })
  expect(connection.info?.jetstream).toBeFalsy()
  await connection.close()
  await server.stop()
})

it('refuses a wrong configuration with the words of the server', async () => {
  await expect(startNatsServer({ config: 'nonsense_setting: 1' })).rejects.toThrow(/nonsense_setting/)
})
