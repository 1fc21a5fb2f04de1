import type { Names } from '../../names.js'

/** Takes an instance out, as if its heartbeats had stayed away for long enough. */
export function leave({ qualified }: Names): string {
  return `
    UPDATE ${qualified('_instances')} AS i SET alive_until = least(i.alive_until, coalesce($3::timestamptz, clock_timestamp()))
    WHERE i.namespace = $1 AND i.instance_id = $2`
}
