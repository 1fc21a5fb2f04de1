import type { PlainObject } from './plain-object.js'

/** How many shapes are remembered: an event type rarely has more than a few, by its optional fields. */
const MAX_SHAPES = 16

type Kind = 'bigint' | 'boolean' | 'string' | 'number' | 'bytes'
type Shape = readonly (readonly [name: string, kind: Kind])[]

/**
 * Remembers which flat shapes (names of properties and the kinds of their values, in order) were found to survive a round
 * trip, so that it need not be made for each event.
 */
export interface VerifiedShapes {
  /** Whether an object is of a shape that was added. */
  has(object: PlainObject): boolean
  /** Remembers an object's shape if it is flat. */
  add(object: PlainObject): void
}

export function verifiedShapes(): VerifiedShapes {
  const shapes: Shape[] = []
  return {
    has: (object) => Object.getOwnPropertySymbols(object).length === 0 && shapes.some((shape) => isOf(shape, object)),
    add(object) {
      const shape = shapeOf(object)
      if (shape !== undefined && shapes.length < MAX_SHAPES) shapes.push(shape)
    },
  }
}

function isOf(shape: Shape, object: PlainObject): boolean {
  const names = Object.getOwnPropertyNames(object)
  if (names.length !== shape.length) return false
  for (let index = 0; index < names.length; index++) {
    const [name, kind] = shape[index] ?? []
    if (name === undefined || name !== names[index] || kindOf(object[name]) !== kind) return false
  }
  return true
}

function shapeOf(object: PlainObject): Shape | undefined {
  const shape: [string, Kind][] = []
  for (const name of Object.getOwnPropertyNames(object)) {
    const kind = kindOf(object[name])
    if (kind === undefined) return undefined
    shape.push([name, kind])
  }
  return shape
}

/**
 * Values of one kind survive alike: a field that has taken one takes all that the exact writer lets pass. Not so -0, which some fields keep and
 * others don't, and what is nested.
 */
function kindOf(value: unknown): Kind | undefined {
  const type = typeof value
  if (type === 'bigint' || type === 'boolean' || type === 'string') return type
  if (type === 'number') return Object.is(value, -0) ? undefined : type
  return value instanceof Uint8Array && Object.getPrototypeOf(value) === Uint8Array.prototype ? 'bytes' : undefined
}
