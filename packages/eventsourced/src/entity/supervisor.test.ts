import { pino } from 'pino'
import { describe, expect, test } from 'vitest'
import { UnavailableError, UncertainError } from '../errors.js'
import { counter, fixture } from './counter.test.fixture.js'
import { Entity } from './entity.js'

const inc = { type: 'Inc', inc: 1 } as const
const lost = new UncertainError('the answer is lost')
const down = new UnavailableError('no connection')

describe('an entity under supervision', () => {
  test('comes back by itself as soon as the log does, and keeps the commands that wait', async () => {
    const { id, log: _, ...rest } = fixture()
    const ref = await Entity.spawn(id, counter, { ...rest, supervision: { start: 1, max: 4 } })
    rest.evtLog.faults.fail('persist', { when: 'after', error: lost })
    rest.evtLog.faults.fail('head', { when: 'before', error: down }, 3)
    const uncertain = ref.handleCmd(inc)
    await expect(uncertain).rejects.toMatchObject({ code: 'UNCERTAIN' })
    expect(await Promise.all([ref.handleCmd(inc), ref.handleCmd(inc)])).toMatchObject([{ reply: 2 }, { reply: 3 }])
  })

  test('fails the commands that wait or come meanwhile, if so configured: none of them is handled', async () => {
    const { id, log: _, ...rest } = fixture()
    const ref = await Entity.spawn(id, counter, { ...rest, supervision: { start: 1, waiting: 'fail' } })
    const sent = rest.evtLog.faults.hold('persist', { when: 'after', error: lost })
    const recovering = rest.evtLog.faults.hold('head')
    const first = ref.handleCmd(inc)
    await sent.arrived
    const waiting = ref.handleCmd(inc)
    sent.release()
    await Promise.all([
      expect(first).rejects.toMatchObject({ code: 'UNCERTAIN' }),
      expect(waiting).rejects.toMatchObject({ code: 'RECOVERING' }),
      recovering.arrived,
    ])
    await expect(ref.handleCmd(inc)).rejects.toMatchObject({ code: 'RECOVERING' })
    recovering.release()
    await expect.poll(() => ref.handleCmd({ type: 'Get' }).catch(() => undefined)).toMatchObject({ reply: 1 })
  })

  test('fails for good after too many attempts: the commands that wait, and all later ones, hear it', async () => {
    const { id, log: _, ...rest } = fixture()
    const ref = await Entity.spawn(id, counter, { ...rest, supervision: { start: 1, max: 2, attempts: 3 } })
    rest.evtLog.faults.fail('persist', { when: 'before', error: lost })
    rest.evtLog.faults.fail('head', { when: 'before', error: down }, 3)
    const first = ref.handleCmd(inc)
    await expect(first).rejects.toMatchObject({ code: 'UNCERTAIN' })
    await expect(ref.handleCmd(inc)).rejects.toMatchObject({ code: 'RECOVERY_FAILED', cause: down })
    await expect(ref.handleCmd(inc)).rejects.toMatchObject({ code: 'STOPPED', cause: { code: 'RECOVERY_FAILED' } })
  })

  test('comes back however often it has to: its attempts are for each time, not for a time', async () => {
    const { id, log: _, ...rest } = fixture()
    const supervision = { start: 1, max: 2, attempts: 1, reset: 60_000 }
    const ref = await Entity.spawn(id, counter, { ...rest, supervision })
    for (let time = 0; time < 5; time++) {
      rest.evtLog.faults.fail('persist', { when: 'before', error: lost })
      await expect(ref.handleCmd(inc)).rejects.toMatchObject({ code: 'UNCERTAIN' })
    }
    expect(await ref.handleCmd(inc)).toMatchObject({ reply: 1 })
  })

  test.each([
    [60_000, [0, 1, 2]],
    [0, [0, 0, 0]],
  ])('waits the longer the more often it has to, unless it was well for %i ms', async (reset, attempts) => {
    const { id, log: _, ...rest } = fixture()
    const logged: unknown[] = []
    const logger = pino({ level: 'warn' }, { write: (line: string) => logged.push(JSON.parse(line)) })
    const ref = await Entity.spawn(id, counter, { ...rest, logger, supervision: { start: 1, max: 2, reset } })
    for (const _attempt of attempts) {
      rest.evtLog.faults.fail('persist', { when: 'before', error: lost })
      await expect(ref.handleCmd(inc)).rejects.toMatchObject({ code: 'UNCERTAIN' })
      await ref.handleCmd(inc)
    }
    expect(logged).toMatchObject(attempts.map((attempt) => ({ attempt })))
  })

  test('fails at once where trying again can not help', async () => {
    const { id, log, ...rest } = fixture()
    const ref = await Entity.spawn(id, counter, { ...rest, supervision: { start: 1 } })
    rest.evtLog.faults.fail('persist', { when: 'before', error: lost })
    await log.close()
    await expect(ref.handleCmd(inc)).rejects.toMatchObject({ code: 'UNCERTAIN' })
    await expect(ref.handleCmd(inc)).rejects.toMatchObject({ code: 'REFUSED' })
  })

  test.each([
    [{ start: -1 }, 'supervision.start'],
    [{ start: 10, max: 5 }, 'supervision.max'],
    [{ attempts: 0 }, 'supervision.attempts'],
    [{ reset: NaN }, 'supervision.reset'],
  ])('is refused with %j', async (supervision, field) => {
    const { id, log: _, ...rest } = fixture()
    await expect(Entity.spawn(id, counter, { ...rest, supervision })).rejects.toMatchObject({ field })
  })
})
