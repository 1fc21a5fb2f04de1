import {
  appendIds,
  type Delivery,
  entityKey,
  jsonBinarizer,
  MemoryEvtLog,
  type NewEvt,
  type ParkedEvt,
  type ProjectedEvt,
  Projection,
  type ProjectionOptions,
  retry,
  type RunningProjection,
  type Stored,
} from 'eventsourced'
import type { PostgresConnection } from 'eventsourced-tools'
import { testPostgres } from 'eventsourced-tools/vitest'
import { Client, Pool } from 'pg'
import { collect } from '../fixture.test.helper.js'
import type { Tx } from '../index.js'

/** An event of the tests: the entity's n-th. */
export interface Noted {
  readonly type: 'Noted'
  readonly n: number
}

export const TYPE = 'note'
const binarizer = jsonBinarizer<Noted, unknown>({ evts: { Noted: [] } })
const nextAppendId = appendIds()

/** A log of notes in memory, and a database in which projections keep what they have applied of it. */
export class Notes {
  readonly evtLog = new MemoryEvtLog()
  readonly connection: PostgresConnection
  readonly pool: Pool
  readonly admin: Client
  readonly #running: RunningProjection[] = []

  /** In a database of its own on the server that all tests share, unless another one is given. */
  static async create(connection?: PostgresConnection): Promise<Notes> {
    const notes = new Notes(connection ?? (await testPostgres()))
    await notes.admin.connect()
    await notes.admin.query(
      'CREATE TABLE applied (no bigint GENERATED ALWAYS AS IDENTITY, id uuid NOT NULL, n integer NOT NULL)',
    )
    return notes
  }

  private constructor(connection: PostgresConnection) {
    this.connection = connection
    this.pool = new Pool({ ...connection, max: 4, connectionTimeoutMillis: 5_000 })
    this.pool.on('error', () => undefined)
    this.admin = new Client(connection)
    this.admin.on('error', () => undefined)
  }

  /** Starts a projection, which is stopped in the end. */
  async start(handler: Delivery<Noted>, over: Partial<ProjectionOptions<Noted>> = {}): Promise<RunningProjection> {
    const onError = retry({ min: 1, max: 10, attempts: 3, then: 'park' })
    const { evtLog } = this
    const options = { name: 'notes', typeName: TYPE, evtLog, binarizer, handler, onError, ...over }
    const running = await Projection.start(options)
    this.#running.push(running)
    return running
  }

  /** Appends an entity's next events, one append each. @returns the last one */
  async note(id: string, count = 1, over: Partial<NewEvt> = {}): Promise<Stored> {
    const key = entityKey(TYPE, id)
    let { seqNo, position } = await this.evtLog.head(key)
    for (let time = 0; time < count; time++) {
      const evt = { ...binarizer.encodeEvt({ type: 'Noted', n: seqNo + 1 }), metadata: {}, ...over }
      const expected = { seqNo, position }
      const persisted = await this.evtLog.persist({ key, expected, appendId: nextAppendId(), groups: [[evt]] })
      ;({ seqNo, position } = persisted.head)
    }
    return { key, position }
  }

  /** What the read model has of an entity, in the order in which it was applied. */
  async applied(id: string): Promise<number[]> {
    const { rows } = await this.admin.query<{ n: number }>('SELECT n FROM applied WHERE id = $1 ORDER BY no', [id])
    return rows.map(({ n }) => n)
  }

  async end(): Promise<void> {
    for (const running of this.#running) await running.stop()
    await this.admin.end()
    await this.pool.end()
  }
}

/** What most handlers of the tests do. */
export async function apply({ key, evt }: ProjectedEvt<Noted>, tx: Tx): Promise<void> {
  await tx.query('INSERT INTO applied (id, n) VALUES ($1, $2)', [key.id, evt.n])
}

export function parkedOf(projection: RunningProjection, id: string): Promise<ParkedEvt[]> {
  return collect(projection.manage.parked({ id }))
}

export function upTo(n: number): number[] {
  return Array.from({ length: n }, (_, index) => index + 1)
}

/** A deadline, and how to wait for it. */
export const PATIENCE = { timeout: 20_000, interval: 10 }

export function patiently(): { readonly deadline: Date } {
  return { deadline: new Date(Date.now() + PATIENCE.timeout) }
}
