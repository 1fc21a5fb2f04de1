import { NatsEvtLog, NatsSnapshotStore } from 'eventsourced-nats'
import { startNatsServer } from 'eventsourced-tools'
import { type NatsConfig, type NatsServerConfig, readNatsConfig } from './config/config.js'
import { serversOf } from './config/nats-connection.js'
import { type Program, runProgram } from './program.js'
import { repositoryPath } from './repository-path.js'
import { report } from './runner/report.js'
import { runOn } from './runner/run-on.js'
import { startTotal } from './totals/nats-total.js'
import type { ReadSideOptions } from './totals/read-side.js'

await runProgram(async (program) => {
  const config = readNatsConfig(program.env)
  if (config.evtLog.serverAddr !== undefined) return runCounters(config, config.evtLog, program)

  const nats = await startNatsServer({ storeDir: repositoryPath(config.evtLog.dataDir) })
  try {
    return await runCounters(config, { serverAddr: nats.url }, program)
  } finally {
    await nats.stop()
  }
})

async function runCounters(config: NatsConfig, server: NatsServerConfig, program: Program): Promise<string> {
  const { output, logger, signal } = program
  const { stream } = config.evtLog
  const { bucket } = config.snapshotStore
  const storeServer = config.snapshotStore.serverAddr === undefined ? server : config.snapshotStore
  output.write(`Events in the stream ${stream} of ${server.serverAddr}, `)
  output.write(`snapshots in the bucket ${bucket} of ${storeServer.serverAddr}\n`)
  const backend = {
    openEvtLog: () => NatsEvtLog.create({ ...serversOf(server), stream, setup: true, logger }),
    openSnapshotStore: () => NatsSnapshotStore.create({ ...serversOf(storeServer), bucket, setup: true, logger }),
    startReadSide: (options: ReadSideOptions) => startTotal(server, stream, options),
  }
  return report(await runOn(backend, { config: config.counter, output, logger, signal }))
}
