import { parentPort } from 'node:worker_threads'

const TICK_MS = 0.1

/*
 * Run as a thread, it sends a message about every fifth of a millisecond, like a network whose requests come: timers come by the millisecond. An event
 * loop that looked at the time over and over would keep a whole processor from the server, and make garbage that is collected while appends wait.
 */
const never = new Int32Array(new SharedArrayBuffer(4))
for (;;) {
  Atomics.wait(never, 0, 0, TICK_MS)
  parentPort?.postMessage(undefined, [])
}
