import { createHash, randomUUID } from 'node:crypto'
import { nkeys } from 'nats'

/** An operator with one account, as a server with decentralised authentication trusts it. */
export interface Operator {
  /** The lines of the server's configuration that make it trust the operator. */
  readonly serverConfig: string
  /** The text of a credentials file for a new user of the account. */
  newCreds(): string
}

/** A pair of keys. */
interface Keys {
  getPublicKey(): string
  getSeed(): Uint8Array
  sign(bytes: Uint8Array): Uint8Array
}

interface KeyMaker {
  createOperator(): Keys
  createAccount(): Keys
  createUser(): Keys
}

/** The package's types tell nothing of what it exports as `nkeys`. */
function isKeyMaker(value: unknown): value is KeyMaker {
  return typeof value === 'object' && value !== null && 'createOperator' in value
}

const UNLIMITED = { subs: -1, data: -1, payload: -1, imports: -1, exports: -1, wildcards: true, conn: -1, leaf: -1 }
const JETSTREAM = { mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 }

export function newOperator(): Operator {
  const maker: unknown = nkeys
  if (!isKeyMaker(maker)) throw new Error('nats exports other nkeys than it used to')
  const operator = maker.createOperator()
  const system = maker.createAccount()
  const account = maker.createAccount()
  const systemName = system.getPublicKey()
  const operatorJwt = jwt(operator, operator, { type: 'operator', system_account: systemName })
  const systemJwt = jwt(system, operator, { type: 'account', limits: UNLIMITED })
  const accountJwt = jwt(account, operator, { type: 'account', limits: { ...UNLIMITED, ...JETSTREAM } })
  return {
    serverConfig: `
      operator: ${operatorJwt}
      system_account: ${systemName}
      resolver: MEMORY
      resolver_preload: { ${systemName}: ${systemJwt}, ${account.getPublicKey()}: ${accountJwt} }`,
    newCreds: () => {
      const user = maker.createUser()
      const userJwt = jwt(user, account, { type: 'user', subs: -1, data: -1, payload: -1, pub: {}, sub: {} })
      return credsText(userJwt, Buffer.from(user.getSeed()).toString())
    },
  }
}

function jwt(subject: Keys, issuer: Keys, nats: object): string {
  const claims = {
    jti: createHash('sha256').update(randomUUID()).digest('hex'),
    iat: Math.floor(Date.now() / 1_000),
    iss: issuer.getPublicKey(),
    name: 'test',
    sub: subject.getPublicKey(),
    nats: { ...nats, version: 2 },
  }
  const body = [{ typ: 'JWT', alg: 'ed25519-nkey' }, claims].map((part) => base64(JSON.stringify(part))).join('.')
  return `${body}.${base64(issuer.sign(Buffer.from(body)))}`
}

function base64(content: string | Uint8Array): string {
  return Buffer.from(content).toString('base64url')
}

function credsText(userJwt: string, seed: string): string {
  return `-----BEGIN NATS USER JWT-----
${userJwt}
------END NATS USER JWT------

-----BEGIN USER NKEY SEED-----
${seed}
------END USER NKEY SEED------
`
}
