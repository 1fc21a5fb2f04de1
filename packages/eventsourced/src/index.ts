export { type Binarizer, type EncodedEvt, type Upcaster } from './binarizer/binarizer.js'
export type { EvtUpcasters } from './binarizer/evt-versions.js'
export { jsonBinarizer, type JsonBinarizerOptions } from './binarizer/json-binarizer.js'
export { protobufBinarizer, type ProtobufBinarizerOptions } from './binarizer/protobuf-binarizer.js'
export type { ProtobufFields, ProtobufMessage } from './binarizer/protobuf-types.js'
export { CopyDiffersError } from './copy/copy-differs-error.js'
export { copyEvts, type CopyEvtsOptions, type CopyProgress } from './copy/copy-evts.js'
export { byType, type CmdHandlers } from './domain/by-type.js'
export type { Command, RejectionOf, ReplyOf } from './domain/command.js'
export { type CmdEffect, type Persist, persist, type Reject, type ReplyOnly, reject, reply } from './domain/effect.js'
export type { CmdContext, EventSourced, Metadata } from './domain/event-sourced.js'
export { snapshotEvery } from './domain/snapshot-every.js'
export type { Accepted, CmdResult, MatchingCmd, MovedOn, Rejected } from './entity/cmd-result.js'
export { Entities, type EntitiesOptions } from './entity/entities.js'
export { Entity } from './entity/entity.js'
export type { LiveEntities } from './entity/live-count.js'
export { isForgotten } from './entity/forgotten.js'
export type { EntityOptions, Supervision } from './entity/options.js'
export type { CmdResultFor, EntityRef } from './entity/ref.js'
export type { HandleCmdOptions } from './entity/request.js'
export type { ProjectionProgress, Retention } from './entity/retention.js'
export { traceContextOf } from './entity/telemetry.js'
export {
  codeOf,
  ConflictError,
  type ErrorCode,
  EventSourcedError,
  hasCode,
  InvalidInputError,
  isEventSourcedError,
  RefusedError,
  type RefusedReason,
  UnavailableError,
  UncertainError,
} from './errors.js'
export type { GroupView, Lease, LeaseStore, Renewed } from './lease/lease-store.js'
export { type HeldSlice, SliceOwner, type SliceOwnerOptions, type SliceUser } from './lease/slice-owner.js'
export { MemoryLeaseStore, type MemoryLeaseStoreOptions } from './lease/memory-lease-store.js'
export { appendIds } from './log/append-id.js'
export {
  checkAppend,
  checkDeleteEvts,
  checkEvtsById,
  checkEvtsByType,
  checkSnapshot,
  MAX_METADATA_CHARS,
} from './log/check.js'
export { checkId, checkKey, checkTypeName, type EntityKey, entityKey } from './log/entity-key.js'
export type {
  Append,
  EvtLog,
  EvtsByIdOptions,
  EvtsByTypeOptions,
  HeadPositionOptions,
  Head,
  IdsOptions,
  LogHead,
  NewEvt,
  Persisted,
  PersistedEvt,
} from './log/evt-log.js'
export { paged, type Paged, type PageIterator, pagesOf } from './log/paged.js'
export { ReadEvt } from './log/read-evt.js'
export { SLICE_COUNT, sliceOf } from './log/slice.js'
export { MemoryEvtLog } from './memory/memory-evt-log.js'
export { MemorySnapshotStore } from './memory/memory-snapshot-store.js'
export { atLeastOnce, atLeastOnceGrouped, type AtLeastOnceOptions } from './projection/at-least-once.js'
export type {
  Batch,
  BatchBounds,
  Delivery,
  ForgottenEntity,
  HandlerContext,
  ProjectedEvt,
} from './projection/delivery.js'
export { HandlerError, isHandlerError } from './projection/handler-error.js'
export { lowestPosition } from './projection/lowest-position.js'
export { MemoryOffsetStore, type MemoryOffsetStoreOptions } from './projection/memory-offset-store.js'
export type {
  Claimed,
  Committed,
  Entry,
  Failure,
  Move,
  Offset,
  OffsetStore,
  ParkedEvt,
  ParkedOptions,
  SliceRecord,
} from './projection/offset-store.js'
export { ManagedProjection, type PromoteOptions } from './projection/managed-projection.js'
export { type FailedEvt, type OnError, retry, type RetryOptions, type Verdict } from './projection/on-error.js'
export { checkOnForgotten, type ProjectionOptions } from './projection/options.js'
export { Projection, type RunningProjection } from './projection/projection.js'
export { Projections } from './projection/projections.js'
export type { Stored } from './projection/reached.js'
export type { Lag, ProjectionStatus, SliceRunState, SliceStatus } from './projection/status.js'
export type { WaitOptions } from './projection/wait-options.js'
export { checkProjectionKey, checkProjectionName, groupOf, type ProjectionKey } from './projection/projection-key.js'
export type { Order, Registry, RegisteredVersion, Request } from './projection/registry.js'
export { NoopSnapshotStore } from './snapshot/noop-snapshot-store.js'
export type { Snapshot, SnapshotSaved, SnapshotStore } from './snapshot/snapshot-store.js'
