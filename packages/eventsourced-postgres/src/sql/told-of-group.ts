import { createHash } from 'node:crypto'
import { escapeLiteral } from 'pg'
import type { Names } from '../names.js'

/** What stands for a group in notifications, whatever characters its name has. */
export function groupTopic(group: string): string {
  return createHash('sha256').update(group).digest('hex')
}

/** A column of a statement whose first parameter is a group, by which those who listen are told that it has changed. */
export function toldOf({ channel }: Names): string {
  return `pg_notify(${escapeLiteral(channel)}, encode(sha256(convert_to($1, 'UTF8')), 'hex'))`
}
