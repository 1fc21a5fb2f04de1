/** The longest that a timer of the platform can wait, in milliseconds: a longer one fires at once. */
export const MAX_TIMER = 2 ** 31 - 1
