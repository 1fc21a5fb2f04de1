import { InvalidInputError } from 'eventsourced'
import type { Checked } from '../config.js'
import { messageOf, readError } from '../errors/read-error.js'
import { sqlState } from '../errors/sqlstate.js'
import { checkServer } from './check-server.js'
import { type Database, openDatabase } from './database.js'
import { lend } from './lend.js'
import { migrate, type Schema } from './migrate.js'

const NO_SUCH_DATABASE = '3D000'
const OPENING = { timeoutMs: 60_000 }

/**
 * Opens the connections, looks at the server, and sees to the schema.
 *
 * @throws {InvalidInputError} the server or the schema is of a version that can't be used, the schema or the database is missing, or the table is another's
 * @throws {RefusedError} `forbidden`: the server does not let us in, or not do it
 * @throws {UnavailableError} the server can't be reached
 */
export async function open(config: Checked, schema: Schema): Promise<Database> {
  const { source, names, setup, logger } = config
  const database = openDatabase(source, logger)
  try {
    await lend(database.readers, OPENING, async (client) => {
      await checkServer(client, logger)
      await migrate(client, { ...schema, names, setup })
    })
    return database
  } catch (error) {
    await database.close()
    if (sqlState(error) === NO_SUCH_DATABASE) {
      const database = source.pool === undefined ? source.connection.database : source.pool.options.database
      throw new InvalidInputError('connection.database', database, `one that exists (${messageOf(error)})`, {
        cause: error,
      })
    }
    throw readError(`opening ${names.qualified()}`, error)
  }
}
