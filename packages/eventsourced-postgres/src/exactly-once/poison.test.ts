import { randomUUID } from 'node:crypto'
import { type Delivery, type OnError, type ProjectedEvt, retry } from 'eventsourced'
import type { Pool } from 'pg'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { collect } from '../fixture.test.helper.js'
import { exactlyOnce, exactlyOnceGrouped, type Tx } from '../index.js'
import { apply, type Noted, Notes, PATIENCE } from './notes.test.fixture.js'

let notes: Notes
beforeEach(async () => {
  notes = await Notes.create()
})
afterEach(() => notes.end())

type Handle = (evt: ProjectedEvt<Noted>, tx: Tx) => Promise<unknown>

const MODES: readonly (readonly [string, (pool: Pool, handle: Handle) => Delivery<Noted>])[] = [
  ['one by one', (pool, handle) => exactlyOnce(pool, handle)],
  [
    'in groups',
    (pool, handle) =>
      exactlyOnceGrouped(pool, async (evts, tx) => {
        for (const evt of evts) await handle(evt, tx)
      }),
  ],
]

/** Applies all events but those of some entities, which poison it. All are in the log before it starts, so that they come in one batch. */
async function expectParked(
  [, mode]: (typeof MODES)[number],
  poisons: Readonly<Record<string, (tx: Tx) => Promise<unknown>>>,
  over: { readonly handlerTimeoutMs?: number } = {},
): Promise<void> {
  const poisonous = new Map<string, { readonly name: string; readonly poison: (tx: Tx) => Promise<unknown> }>()
  for (const [name, poison] of Object.entries(poisons)) poisonous.set(randomUUID(), { name, poison })
  const well = Array.from({ length: poisonous.size + 1 }, (): string => randomUUID())
  for (const [nth, id] of [...poisonous.keys()].entries()) {
    await notes.note(well[nth] ?? '', 1)
    await notes.note(id, 1)
  }
  for (const id of well) await notes.note(id, 2)
  const handle: Handle = (evt, tx) => poisonous.get(evt.key.id)?.poison(tx) ?? apply(evt, tx)
  const onError = retry({ min: 1, max: 1, attempts: 2, then: 'park' })
  const projection = await notes.start(mode(notes.pool, handle), { onError, ...over })
  const parked = async () => {
    const evts = await collect(projection.manage.parked())
    return evts.map(({ evt }) => poisonous.get(evt.key.id)?.name ?? 'an innocent').toSorted()
  }
  await expect.poll(parked, PATIENCE).toEqual(Object.keys(poisons).toSorted())
  for (const [nth, id] of well.entries()) {
    await expect.poll(() => notes.applied(id), PATIENCE).toEqual(nth < poisonous.size ? [1, 2, 3] : [1, 2])
  }
}

test.for(MODES)('an event whose handler hangs is parked, and holds up no other: %s', async (mode) => {
  const poisons = {
    'hangs in itself': () => new Promise(() => {}),
    'hangs in a statement': (tx: Tx) => tx.query('SELECT pg_sleep(600)'),
    'hangs in a statement that it leaves behind': async (tx: Tx) => {
      void tx.query('SELECT pg_sleep(600)').catch(() => undefined)
    },
  }
  await expectParked(mode, poisons, { handlerTimeoutMs: 150 })
})

function raise(code: string): (tx: Tx) => Promise<unknown> {
  return (tx) => tx.query(`DO $$ BEGIN RAISE EXCEPTION 'raised' USING ERRCODE = '${code}'; END $$`)
}

test.for(MODES)(
  'an event that makes the server fail in whatever way is parked, and holds up no other: %s',
  async (mode) => {
    await notes.admin.query(`
    CREATE TABLE deferred (doing text NOT NULL);
    CREATE FUNCTION deferred() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN EXECUTE NEW.doing; RETURN NULL; END';
    CREATE CONSTRAINT TRIGGER deferred AFTER INSERT ON deferred DEFERRABLE INITIALLY DEFERRED
      FOR EACH ROW EXECUTE FUNCTION deferred()`)
    const atCommit = (doing: string) => (tx: Tx) => tx.query('INSERT INTO deferred VALUES ($1)', [doing])
    await expectParked(mode, {
      'fails in an extension': raise('XX000'),
      'reads a damaged row': raise('XX001'),
      'reads a damaged file': raise('58030'),
      'asks for what the server can’t do': (tx) => tx.query('SELECT DISTINCT 1 FROM pg_class FOR UPDATE'),
      'gives a statement too much': (tx) => tx.query('SELECT $1::text', ['one', 'two']),
      'calls what was not prepared': (tx) => tx.query('EXECUTE nothing'),
      'takes too long': (tx) => tx.query("SET LOCAL statement_timeout = '10ms'; SELECT pg_sleep(600)"),
      'writes where it said it would not': (tx) => tx.query('SET LOCAL transaction_read_only = on; CREATE TABLE t ()'),
      'costs its connection': (tx) => tx.query('SELECT pg_terminate_backend(pg_backend_pid())'),
      'fails in a deferred trigger': atCommit('SELECT no_such_function()'),
      'fails in a deferred trigger’s extension': atCommit("DO 'BEGIN RAISE internal_error; END'"),
      'costs its connection in a deferred trigger': atCommit('SELECT pg_terminate_backend(pg_backend_pid())'),
    })
  },
)

test('a handler that goes on after a statement that failed, or does not wait for it, has failed on that event, and on no other', async () => {
  const failed: unknown[] = []
  const onError: OnError = ({ error }) => {
    failed.push(error.message)
    return { kind: 'park' }
  }
  const ids = [randomUUID(), randomUUID(), randomUUID(), randomUUID()] as const
  for (const id of ids) await notes.note(id)
  const handler = exactlyOnce<Noted>(notes.pool, async (evt, tx) => {
    const failing = () => tx.query('SELECT 1 / 0').catch(() => undefined)
    if (evt.key.id === ids[0]) await failing()
    if (evt.key.id === ids[2]) void failing()
    await apply(evt, tx).catch(() => undefined)
  })
  const projection = await notes.start(handler, { onError })
  for (const id of [ids[1], ids[3]]) await expect.poll(() => notes.applied(id), PATIENCE).toEqual([1])
  const parked = (await collect(projection.manage.parked())).map(({ evt }) => evt.key.id)
  expect(parked.toSorted()).toEqual([ids[0], ids[2]].toSorted())
  expect(failed).toHaveLength(2)
})

test('a statement that was prepared before its table changed is no failure of the event', async () => {
  const onError = vi.fn(retry({ attempts: 1 }))
  const handler = exactlyOnce<Noted>(notes.pool, async (evt, tx) => {
    await tx.query({ name: 'all', text: 'SELECT * FROM applied' })
    await apply(evt, tx)
  })
  const projection = await notes.start(handler, { onError })
  const id = randomUUID()
  await projection.reached(await notes.note(id))
  await notes.admin.query('ALTER TABLE applied ADD COLUMN more integer')
  await projection.reached(await notes.note(id))
  expect(onError).not.toHaveBeenCalled()
  expect(await notes.applied(id)).toEqual([1, 2])
})
