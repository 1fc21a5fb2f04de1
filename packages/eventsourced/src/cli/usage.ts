/** What `eventsourced --help` says. */
export const USAGE = `eventsourced projections <command>

  list                              all versions of all projections
  status  <name>                    how one stands: state, position, lag, owners, last error
  pause   <name>                    all processes stop handling, and keep their slices
  resume  <name>                    all processes go on, also with slices that have stopped
  stop    <name>                    all processes let go of their slices
  reset   <name> --position <p>     handle everything behind a position again
  promote <name> [--timeout <s>] [--with-parked]   let this version serve, once it has caught up
                                    (60 s), also if events are parked
  remove  <name>                    delete all that is kept of a version that nobody runs
  parked list  <name> [--id <id>]   the events that are parked
  parked retry <name> --id <id>     handle the parked events of an entity
  parked drop  <name> --id <id> [--seqNo <n>]   forget them, or one of them

  --version <n>   which version; needed where there are several
  --config <file> a module that exports evtLog and offsetStore; ./eventsourced.config.js by default
  --json          for programs: a line of JSON for each projection, or parked event

What is asked for is kept in the offset store, and carried out by the processes that have the slices.`
