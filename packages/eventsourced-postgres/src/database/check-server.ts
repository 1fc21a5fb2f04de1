import { InvalidInputError } from 'eventsourced'
import type { ClientBase } from 'pg'
import type { Logger } from 'pino'
import { query, statement } from './statement.js'

const OLDEST = 130_000
const SETTINGS = `
  SELECT current_setting('server_version_num'), current_setting('server_version'), current_setting('fsync'),
    current_setting('synchronous_commit'), current_setting('full_page_writes'), pg_is_in_recovery()`

/**
 * Notices at start what would lose or refuse events: refuses a server that is too old, and logs a warning for each setting by which what was
 * acknowledged may be lost, and for a replica, which can't be written to. @throws {InvalidInputError}
 */
export async function checkServer(client: ClientBase, logger: Logger): Promise<void> {
  const [row = []] = await query(client, statement(SETTINGS, false))
  const [versionNum, version, fsync, synchronousCommit, fullPageWrites, inRecovery] = row
  if (Number(versionNum) < OLDEST) throw new InvalidInputError('connection', version, 'PostgreSQL 13 or later')
  const losing = { fsync, synchronous_commit: synchronousCommit, full_page_writes: fullPageWrites }
  for (const [setting, value] of Object.entries(losing)) {
    if (value === 'off')
      logger.warn({ setting, value }, `${setting} is off: acknowledged events may be lost in a crash`)
  }
  if (inRecovery === 't')
    logger.warn({ setting: 'pg_is_in_recovery', value: true }, 'the server is a replica: appends will fail')
}
