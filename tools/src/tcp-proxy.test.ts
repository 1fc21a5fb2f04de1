import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { freePort } from './free-port.js'
import { startTcpProxy, type TcpProxy } from './tcp-proxy.js'

/** What reached the server, which answers everything with the same. */
let received: string
let echo: Server
let proxy: TcpProxy

beforeEach(async () => {
  received = ''
  echo = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('data', (bytes) => {
      received += String(bytes)
      socket.write(bytes)
    })
    socket.on('end', () => socket.end())
    socket.on('error', () => {})
  })
  const port = await freePort()
  await once(echo.listen(port, '127.0.0.1'), 'listening')
  proxy = await startTcpProxy({ port })
})

afterEach(async () => {
  await proxy.close()
  echo.close()
})

/** Not events.once: that fails when the socket is reset. */
function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.closed) resolve()
    else socket.once('close', () => resolve())
  })
}

async function client(): Promise<{ socket: Socket; answers: () => string }> {
  const socket = connect(proxy.port, '127.0.0.1')
  let answers = ''
  socket.on('data', (bytes) => (answers += String(bytes)))
  socket.on('error', () => {})
  await once(socket, 'connect')
  return { socket, answers: () => answers }
}

it('forwards everything in order, and an end after it', async () => {
  const { socket, answers } = await client()
  const text = Array.from({ length: 200_000 }, (_, i) => i).join()
  socket.end(text)
  await closed(socket)
  expect(received).toBe(text)
  expect(answers()).toBe(text)
})

it('holds answers until the rule is lifted, while requests go on', async () => {
  const { socket, answers } = await client()
  proxy.rule((_, direction) => (direction === 'answer' ? 'hold' : 'pass'))
  socket.write('one ')
  await vi.waitUntil(() => received === 'one ')
  socket.write('two')
  await vi.waitUntil(() => received === 'one two')
  expect(answers()).toBe('')
  proxy.rule()
  await vi.waitUntil(() => answers() === 'one two')
})

it('swallows what the rule drops', async () => {
  const { socket, answers } = await client()
  const dropped: string[] = []
  proxy.rule((bytes) => {
    dropped.push(String(bytes))
    return 'drop'
  })
  socket.write('lost')
  await vi.waitUntil(() => dropped.join('') === 'lost')
  proxy.rule()
  socket.write('kept')
  await vi.waitUntil(() => answers() === 'kept')
  expect(received).toBe('kept')
})

it('cuts a connection before the server gets the bytes, and no other connection', async () => {
  const [one, other] = await Promise.all([client(), client()])
  proxy.rule((bytes, direction) => (direction === 'request' && bytes.includes('COMMIT') ? 'cut' : 'pass'))
  one.socket.write('COMMIT')
  await closed(one.socket)
  expect(received).toBe('')
  other.socket.write('more')
  await vi.waitUntil(() => other.answers() === 'more')
})

it('cuts a connection after the server has answered, before the client knows', async () => {
  const { socket, answers } = await client()
  proxy.rule((_, direction) => (direction === 'answer' ? 'cut' : 'pass'))
  socket.write('COMMIT')
  await closed(socket)
  expect(received).toBe('COMMIT')
  expect(answers()).toBe('')
})

it('cuts all connections at once', async () => {
  const clients = await Promise.all([client(), client(), client()])
  await vi.waitUntil(() => proxy.connections === 3)
  proxy.cut()
  await Promise.all(clients.map(({ socket }) => closed(socket)))
  await expect.poll(() => proxy.connections).toBe(0)
})

it('refuses new connections and keeps the open ones, until it accepts again', async () => {
  const open = await client()
  await vi.waitUntil(() => proxy.connections === 1)
  await proxy.refuse()
  await expect(once(connect(proxy.port, '127.0.0.1'), 'connect')).rejects.toThrow(/ECONNREFUSED/)
  open.socket.write('still here')
  await vi.waitUntil(() => open.answers() === 'still here')
  await proxy.accept()
  const later = await client()
  later.socket.write('back')
  await vi.waitUntil(() => later.answers() === 'back')
})

it('delays each direction by the time given, and keeps the order', async () => {
  const { socket, answers } = await client()
  proxy.delay(40)
  const start = performance.now()
  for (const text of ['a', 'b', 'c']) socket.write(text)
  await vi.waitUntil(() => answers() === 'abc', { interval: 1 })
  expect(performance.now() - start).toBeGreaterThanOrEqual(79)
  proxy.delay(0)
})

it('cuts the client when the server cannot be reached', async () => {
  const nowhere = await startTcpProxy({ port: await freePort() })
  const socket = connect(nowhere.port, '127.0.0.1')
  const error = once(socket, 'connect').then(() => once(socket, 'close'))
  await expect(error).rejects.toThrow(/ECONNRESET/)
  await nowhere.close()
})
