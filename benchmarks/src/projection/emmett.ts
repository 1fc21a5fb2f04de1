import { getPostgreSQLEventStore, postgreSQLEventStoreConsumer } from '@event-driven-io/emmett-postgresql'
import type { Client } from 'pg'
import type { Contender } from '../measure.js'
import { counted } from './catch-up.js'
import type { ReadModel } from './read-model.js'

interface Increased {
  readonly type: 'Increased'
  readonly data: { readonly id: string; readonly inc: string }
}

/** How many events an append holds. */
const GROUP = 50

/**
 * emmett's consumer at its defaults: a reactor, whose writes are in the transaction of its checkpoint. It brings one message after another: version
 * 0.42 takes an `eachBatch`, but never calls it.
 */
export async function consuming(
  connectionString: string,
  { readModel, client, ids, count }: { readModel: ReadModel; client: Client; ids: readonly string[]; count: number },
): Promise<Contender & { readonly close: () => Promise<void> }> {
  const eventStore = getPostgreSQLEventStore(connectionString)
  await eventStore.schema.migrate()
  for (let stored = 0; stored < count; ) {
    for (const id of ids) {
      const event = { type: 'Increased' as const, data: { id, inc: '1' } }
      await eventStore.appendToStream<Increased>(
        `counter-${id}`,
        Array.from({ length: GROUP }, () => event),
      )
      stored += GROUP
    }
  }
  let rounds = 0
  return {
    name: 'emmett: consumer with a reactor',
    prepare: () => readModel.clear(client),
    run: async () => {
      const consumer = postgreSQLEventStoreConsumer<Increased>({ connectionString, stopWhen: { noMessagesLeft: true } })
      consumer.reactor<Increased>({
        processorId: `totals-${++rounds}`,
        startFrom: 'BEGINNING',
        eachMessage: async ({ data, metadata }, context) => {
          const line = { id: data.id, seqNo: Number(metadata.streamPosition), inc: BigInt(data.inc) }
          await readModel.write(context.connection.client, [line])
        },
      })
      await consumer.start()
      await consumer.close()
      return counted(readModel, client, count)
    },
    close: () => eventStore.close(),
  }
}
