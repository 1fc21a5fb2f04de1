import { escapeLiteral } from 'pg'
import type { Names } from '../names.js'

/** Whether a member lives, in a function where `p_group` is its group. */
export function isLive({ qualified }: Names, member: string): string {
  return `EXISTS (SELECT FROM ${qualified('_members')} AS m
    WHERE m.group_name = p_group AND m.member = ${member} AND m.ends > clock_timestamp())`
}

/** `lease_view(…)` answers with a group's live members, and with `[slice, epoch, owner]` of each slice that was ever taken, as JSON. */
export function createLeaseView(names: Names): string {
  const { qualified } = names
  const body = `
    SELECT json_build_object(
      'members', (SELECT coalesce(json_agg(m.member), '[]') FROM ${qualified('_members')} AS m
        WHERE m.group_name = p_group AND m.ends > clock_timestamp()),
      'leases', (SELECT coalesce(json_agg(json_build_array(l.slice, l.epoch, CASE WHEN ${isLive(names, 'l.owner')} THEN l.owner END)), '[]')
        FROM ${qualified()} AS l WHERE l.group_name = p_group))::text`
  return `
    CREATE OR REPLACE FUNCTION ${qualified('_lease_view')} (p_group text)
    RETURNS text LANGUAGE sql STABLE AS ${escapeLiteral(body)}`
}

/** Calls it. The column: the view. */
export function leaseView({ qualified }: Names): string {
  return `SELECT ${qualified('_lease_view')}($1)`
}
