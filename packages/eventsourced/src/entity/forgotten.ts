import type { NewEvt } from '../log/evt-log.js'

/**
 * The event by which an entity is forgotten: the state after it is the initial one. It moves the fence, so that whatever was decided on what
 * came before conflicts.
 */
export const FORGOTTEN: NewEvt = Object.freeze({
  type: 'es-forgotten',
  version: 1,
  bytes: new Uint8Array(0),
  metadata: Object.freeze({}),
})

/**
 * Whether an event is the library's own mark that its entity was forgotten: all of the entity's events before it are gone, or about to go. It
 * holds nothing that a binarizer could decode. Handlers of projections hear of it by `onForgotten`; whoever reads a log directly looks for it.
 *
 * @example
 * for await (const evt of evtLog.evtsByType('account', { live: true })) {
 *   if (isForgotten(evt)) await readModel.delete(evt.key.id)
 *   else await readModel.update(evt.key.id, binarizer.decodeEvt(evt))
 * }
 */
export function isForgotten({ type }: { readonly type: string }): boolean {
  return type === FORGOTTEN.type
}
