import { type NatsAuth, NatsEvtLog, type NatsServers, NatsSnapshotStore } from 'eventsourced-nats'
import { startNatsServer } from 'eventsourced-tools'
import { type NatsConfig, type NatsServerConfig, readNatsConfig } from './config/config.js'
import { type Program, runProgram } from './program.js'
import { repositoryPath } from './repository-path.js'
import { runOn } from './runner/run-on.js'
import type { Outcome } from './runner/runner.js'

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

function runCounters(config: NatsConfig, server: NatsServerConfig, program: Program): Promise<Outcome> {
  const { output, logger, signal } = program
  const { stream } = config.evtLog
  const { bucket } = config.snapshotStore
  const storeServer = config.snapshotStore.serverAddr === undefined ? server : config.snapshotStore
  output.write(`Events in the stream ${stream} of ${server.serverAddr}, `)
  output.write(`snapshots in the bucket ${bucket} of ${storeServer.serverAddr}\n`)
  const backend = {
    openEvtLog: () => NatsEvtLog.create({ ...connectionTo(server), stream, setup: true, logger }),
    openSnapshotStore: () => NatsSnapshotStore.create({ ...connectionTo(storeServer), bucket, setup: true, logger }),
  }
  return runOn(backend, { config: config.counter, output, logger, signal })
}

function connectionTo(server: NatsServerConfig): NatsServers {
  const { serverAddr = '' } = server
  const auth = authOf(server)
  return { servers: serverAddr, ...(auth === undefined ? {} : { auth }) }
}

function authOf({ user, password, token, credsFile }: NatsServerConfig): NatsAuth | undefined {
  if (user !== undefined) return { user, password: password ?? '' }
  if (token !== undefined) return { token }
  return credsFile === undefined ? undefined : { credsFile }
}
