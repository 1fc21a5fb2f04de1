import { RefusedError, UnavailableError, UncertainError } from '../../errors.js'
import type { Fault, Held } from '../faults.js'
import type { Process } from './process.js'
import type { FaultKind } from './scenario.js'

const unavailable: Fault = { when: 'before', error: new UnavailableError('no connection') }
const tooLarge: Fault = { when: 'before', error: new RefusedError('too-large', 'it does not fit') }
const uncertain = new UncertainError('the answer is lost')

/** Makes the next calls of a process fail. @returns what is held back until it is released */
export function injectFault(
  { evtLog, snapshotStore, opened }: Process,
  kind: Exclude<FaultKind, 'another writer first'>,
  times: number,
): readonly Held[] {
  const log = evtLog.faults
  const store = snapshotStore.faults
  switch (kind) {
    case 'append unavailable':
      log.fail('persist', unavailable, times)
      return []
    case 'append uncertain, not stored':
      log.fail('persist', { when: 'before', error: uncertain }, times)
      return []
    case 'append uncertain, stored':
      log.fail('persist', { when: 'after', error: uncertain }, times)
      return []
    case 'append uncertain, stored late':
      return [log.late('persist', uncertain)]
    case 'append fails oddly, stored':
      log.fail('persist', { when: 'after', error: new Error('out of the blue') }, times)
      return []
    case 'append refused':
      log.fail('persist', tooLarge, times)
      return []
    case 'append held':
      return [log.hold('persist')]
    case 'append stored in part':
      for (let time = 0; time < times; time++) opened.evtLog.storeNextInPart(() => {})
      return []
    case 'append stored in part, the rest refused':
      opened.evtLog.storeNextInPart(() => log.fail('persist', tooLarge, times))
      return []
    case 'append stored in part, the rest uncertain':
      opened.evtLog.storeNextInPart(() => log.fail('persist', { when: 'before', error: uncertain }, times))
      return []
    case 'head unavailable':
      log.fail('head', unavailable, times)
      return []
    case 'head held':
      return [log.hold('head')]
    case 'replay unavailable':
      log.fail('evtsById', unavailable, times)
      return []
    case 'replay held':
      return [log.hold('evtsById')]
    case 'save fails':
      store.fail('save', unavailable, times)
      return []
    case 'save held':
      return [store.hold('save')]
    case 'save fails, saved late':
      return [store.late('save', unavailable.error)]
    case 'load fails':
      store.fail('load', unavailable, times)
      return []
    case 'load held':
      return [store.hold('load')]
    case 'deletion unavailable':
      log.fail('deleteEvts', unavailable, times)
      return []
    case 'deletion answered late':
      log.fail('deleteEvts', { when: 'after', error: new UnavailableError('the answer is lost') }, times)
      return []
  }
}
