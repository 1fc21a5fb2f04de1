import { randomUUID } from 'node:crypto'
import { type Child, startChild } from 'eventsourced-tools'
import type { ProjectingOptions } from './projecting.test.fixture.js'

const PROGRAM = new URL('../../dist/processes/projecting.test.fixture.js', import.meta.url)

/** Starts a process, and waits until it takes part in the projection; its name is the one in the read model. */
export function startProjecting(options: Omit<ProjectingOptions, 'owner'>): Promise<Child> {
  const name = randomUUID()
  const told: ProjectingOptions = { ...options, owner: name }
  return startChild(PROGRAM, { name, told })
}
