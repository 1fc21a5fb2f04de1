import { escapeLiteral } from 'pg'
import type { Names } from '../names.js'
import { toldOf } from './told-of-group.js'
import { underGroupLock } from './under-group-lock.js'

/** `leave_group(…)` ends a member. */
export function createLeaveGroup(names: Names): string {
  const { qualified } = names
  const body = `
    BEGIN
      ${underGroupLock(names, 'alone')}
      UPDATE ${qualified('_members')} AS m SET ends = '-infinity' WHERE m.group_name = p_group AND m.member = p_member;
    END`
  return `
    CREATE OR REPLACE FUNCTION ${qualified('_leave_group')} (p_group text, p_member text)
    RETURNS void LANGUAGE plpgsql VOLATILE AS ${escapeLiteral(body)}`
}

/** Calls it. */
export function leaveGroup(names: Names): string {
  return `SELECT ${names.qualified('_leave_group')}($1, $2), ${toldOf(names)}`
}
