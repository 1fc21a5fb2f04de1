/** The last two columns of what a read asks: the run of the server that has answered, and its backend. To ask for them costs nothing to speak of. */
export const BACKEND_COLUMNS = 'pg_postmaster_start_time(), pg_backend_pid()'
