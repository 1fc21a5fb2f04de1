export type { NatsAuth, NatsConnected, NatsConnectionConfig, NatsServers, NatsTls } from './config/connection-config.js'
export type { Durability, NatsEvtLogConfig } from './config/evt-log-config.js'
export { MIN_SERVER_VERSION } from './config/server-version.js'
export { NatsEvtLog } from './evt-log/nats-evt-log.js'
