import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { freePort } from 'eventsourced-tools'
import { onTestFinished } from 'vitest'

/** The address of what greets clients as a nats-server of some version, and does no more. */
export async function serverThatSaysIts(version: string): Promise<string> {
  const sockets = new Set<Socket>()
  const listener = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('data', (bytes) => {
      if (bytes.includes('PING')) socket.write('PONG\r\n')
    })
    const info = { server_id: 'N', server_name: 'old', version, proto: 1, headers: true, max_payload: 1_048_576 }
    socket.write(`INFO ${JSON.stringify(info)}\r\n`)
  })
  const port = await freePort()
  await once(listener.listen(port, '127.0.0.1'), 'listening')
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    listener.close()
  })
  return `127.0.0.1:${port}`
}
