import type { PostgresConnection } from './postgres.js'

/** A server that all test files of a run share, or why there is none: it is told to those tests that ask for it. */
export type Shared<T> = { readonly server: T } | { readonly error: string }

declare module 'vitest' {
  export interface ProvidedContext {
    sharedPostgres: Shared<PostgresConnection>
    sharedNats: Shared<string>
  }
}
