import { checkPart } from '../entity/check-fields.js'
import type { EvtLog } from '../log/evt-log.js'
import { ManagedProjection } from './managed-projection.js'
import type { OffsetStore } from './offset-store.js'
import { checkProjectionName, type ProjectionKey } from './projection-key.js'
import { readRegistry } from './registry.js'

/**
 * All projections of an offset store, to look after from any process.
 *
 * @example
 * const projections = new Projections({ offsetStore, evtLog })
 * const table = (await projections.serving('totals')) === 2 ? 'totals_v2' : 'totals'
 */
export class Projections {
  readonly #parts: { readonly offsetStore: OffsetStore; readonly evtLog: EvtLog }

  /** @throws {InvalidInputError} */
  constructor(parts: { readonly offsetStore: OffsetStore; readonly evtLog: EvtLog }) {
    checkPart('offsetStore', parts.offsetStore, ['claim', 'commit', 'slices', 'entry'])
    checkPart('evtLog', parts.evtLog, ['evtsByType', 'headPosition'])
    this.#parts = parts
  }

  /** All versions of all projections that were ever started, and not removed. */
  async list(): Promise<readonly ProjectionKey[]> {
    const { offsetStore } = this.#parts
    const keys: ProjectionKey[] = []
    for (const name of await offsetStore.names()) {
      const { registry } = await readRegistry(offsetStore, name)
      keys.push(...registry.versions.map(({ version }) => ({ name, version })))
    }
    return keys.sort((left, right) => left.name.localeCompare(right.name) || left.version - right.version)
  }

  /** One of them. @throws {InvalidInputError} if the name or the version can't be one */
  of(key: ProjectionKey): ManagedProjection {
    return new ManagedProjection(key, this.#parts)
  }

  /** The version that serves queries: the one that was promoted last, or else the one that was started first; nothing if none was. */
  async serving(name: string): Promise<number | undefined> {
    checkProjectionName(name)
    return (await readRegistry(this.#parts.offsetStore, name)).registry.serving
  }
}
