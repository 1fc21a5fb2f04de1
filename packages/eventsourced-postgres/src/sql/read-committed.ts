import { WRONG_ISOLATION } from '../errors/sqlstate.js'

/**
 * How a function begins that takes a lock and then judges what it finds: that must be read with a snapshot from after the lock, which only
 * READ COMMITTED gives. Under any other isolation level the function must not go on.
 */
export const ONLY_READ_COMMITTED = `
    IF current_setting('transaction_isolation') <> 'read committed' THEN
      RAISE EXCEPTION 'this can be done in a READ COMMITTED transaction only' USING ERRCODE = '${WRONG_ISOLATION}';
    END IF;`
