/**
 * Settings of our functions that pin their plans: one index probe a row, whatever the planner knew of the table when it made the plan. A plan
 * made on an empty table and kept would scan the table once it is full; and a scan that is forbidden must not look so dear that it is compiled.
 */
export const PINNED = [
  'plan_cache_mode = force_generic_plan',
  'enable_seqscan = off',
  'enable_bitmapscan = off',
  'enable_hashjoin = off',
  'enable_mergejoin = off',
  'jit = off',
]
  .map((setting) => `SET ${setting}`)
  .join(' ')

/**
 * The same for functions that wait for no lock but somebody else's on the table: they give up in the end, so that their backends don't wait behind it after their
 * clients have gone. Functions that append have a bound of their own.
 */
export const BOUNDED = `${PINNED} SET lock_timeout = '10s'`
