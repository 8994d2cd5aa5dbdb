// SPDX-License-Identifier: Apache-2.0

/// Why a request, or one element of a batch, was refused: the stable names that clients compare.
///
/// These are all there are: a ``ServiceFailure`` is made from one of them. What each means, its code, the remedy and
/// whether to try again stands in ``FailureCatalog``, which docs/errors.md is written from.
package enum FailureReason: String, CaseIterable, Sendable {
  // MARK: Requests
  case nothingAsked = "NOTHING_ASKED"
  case outputUnknown = "OUTPUT_UNKNOWN"
  case priorityUnknown = "PRIORITY_UNKNOWN"
  case configMissing = "CONFIG_MISSING"
  case modelVersionNotServed = "MODEL_VERSION_NOT_SERVED"
  case modelMismatch = "MODEL_MISMATCH"
  case pageSizeInvalid = "PAGE_SIZE_INVALID"
  case pageTokenInvalid = "PAGE_TOKEN_INVALID"
  case serviceUnknown = "SERVICE_UNKNOWN"
  case reflectionLimit = "REFLECTION_LIMIT"

  // MARK: Who may do what
  case unauthenticated = "UNAUTHENTICATED"
  case roleMissing = "ROLE_MISSING"
  case quotaExceeded = "QUOTA_EXCEEDED"

  // MARK: Tensors
  case tensorMissing = "TENSOR_MISSING"
  case dataTypeUnknown = "DATA_TYPE_UNKNOWN"
  case tensorShape = "TENSOR_SHAPE"
  case tensorSize = "TENSOR_SIZE"
  case tensorNotFinite = "TENSOR_NOT_FINITE"

  // MARK: Images
  case imageEmpty = "IMAGE_EMPTY"
  case imageTooLarge = "IMAGE_TOO_LARGE"
  case imageTooManyPixels = "IMAGE_TOO_MANY_PIXELS"
  case imageFormatUnsupported = "IMAGE_FORMAT_UNSUPPORTED"
  case imageTruncated = "IMAGE_TRUNCATED"
  case imageCorrupt = "IMAGE_CORRUPT"
  case imageSizeMismatch = "IMAGE_SIZE_MISMATCH"

  // MARK: Items
  case noItems = "NO_ITEMS"
  case tooManyItems = "TOO_MANY_ITEMS"
  case itemMissing = "ITEM_MISSING"
  case itemEmpty = "ITEM_EMPTY"
  case itemIDMissing = "ITEM_ID_MISSING"
  case itemIDTooLong = "ITEM_ID_TOO_LONG"
  case metadataTooLong = "METADATA_TOO_LONG"
  case textHasNul = "TEXT_HAS_NUL"
  case spaceNotServed = "SPACE_NOT_SERVED"
  case itemNotFound = "ITEM_NOT_FOUND"
  case towerMismatch = "TOWER_MISMATCH"
  case featureMismatch = "FEATURE_MISMATCH"

  // MARK: Catalog snapshots
  case snapshotNotFound = "SNAPSHOT_NOT_FOUND"
  case snapshotAmbiguous = "SNAPSHOT_AMBIGUOUS"
  case snapshotInUse = "SNAPSHOT_IN_USE"
  case nothingCommitted = "NOTHING_COMMITTED"
  case releasedSnapshotMissing = "RELEASED_SNAPSHOT_MISSING"
  case catalogMismatch = "CATALOG_MISMATCH"
  case itemsNotInSnapshot = "ITEMS_NOT_IN_SNAPSHOT"
  case draftEmpty = "DRAFT_EMPTY"
  case draftBusy = "DRAFT_BUSY"
  case draftIncomplete = "DRAFT_INCOMPLETE"
  case labelTooLong = "LABEL_TOO_LONG"
  case syncWithoutStore = "SYNC_WITHOUT_STORE"

  // MARK: Users
  case noUsers = "NO_USERS"
  case tooManyUsers = "TOO_MANY_USERS"
  case userMissing = "USER_MISSING"
  case userIDMissing = "USER_ID_MISSING"
  case historyEmpty = "HISTORY_EMPTY"
  case historyTooLong = "HISTORY_TOO_LONG"
  case interactionEmpty = "INTERACTION_EMPTY"
  case visualMissing = "VISUAL_MISSING"
  case softTokenOfMore = "SOFT_TOKEN_OF_MORE"
  case itemWithoutImage = "ITEM_WITHOUT_IMAGE"
  case promptMissing = "PROMPT_MISSING"
  case promptEmpty = "PROMPT_EMPTY"
  case partEmpty = "PART_EMPTY"
  case markerInText = "MARKER_IN_TEXT"
  case textTooLong = "TEXT_TOO_LONG"
  case promptTooLong = "PROMPT_TOO_LONG"
  case cacheScopeTooLong = "CACHE_SCOPE_TOO_LONG"
  case inputInvalid = "INPUT_INVALID"

  // MARK: Searches and outcomes
  case noQueries = "NO_QUERIES"
  case tooManyQueries = "TOO_MANY_QUERIES"
  case queryMissing = "QUERY_MISSING"
  case queryIDMissing = "QUERY_ID_MISSING"
  case kInvalid = "K_INVALID"
  case kTooLarge = "K_TOO_LARGE"
  case methodUnknown = "METHOD_UNKNOWN"
  case efTooLarge = "EF_TOO_LARGE"
  case scoreOverflow = "SCORE_OVERFLOW"
  case vectorsInvalid = "VECTORS_INVALID"
  case servingStateChanged = "SERVING_STATE_CHANGED"
  case failureInvalid = "FAILURE_INVALID"
  case tooManyFailures = "TOO_MANY_FAILURES"
  case outcomeInvalid = "OUTCOME_INVALID"
  case noOutcomes = "NO_OUTCOMES"
  case tooManyOutcomes = "TOO_MANY_OUTCOMES"

  // MARK: Index versions
  case indexNameInvalid = "INDEX_NAME_INVALID"
  case indexNotFound = "INDEX_NOT_FOUND"
  case nothingServes = "NOTHING_SERVES"
  case versionNameInvalid = "VERSION_NAME_INVALID"
  case versionNotFound = "VERSION_NOT_FOUND"
  case versionInUse = "VERSION_IN_USE"
  case versionCorrupt = "VERSION_CORRUPT"
  case comparisonTooLarge = "COMPARISON_TOO_LARGE"
  case headerInvalid = "HEADER_INVALID"
  case itemDuplicate = "ITEM_DUPLICATE"
  case categoryInvalid = "CATEGORY_INVALID"
  case uploadOutOfOrder = "UPLOAD_OUT_OF_ORDER"
  case uploadNotCommitted = "UPLOAD_NOT_COMMITTED"
  case uploadEnded = "UPLOAD_ENDED"
  case uploadIdle = "UPLOAD_IDLE"
  case uploadInProgress = "UPLOAD_IN_PROGRESS"
  case tooManyUploads = "TOO_MANY_UPLOADS"
  case itemCountMismatch = "ITEM_COUNT_MISMATCH"
  case graphFailed = "GRAPH_FAILED"

  // MARK: Rollouts
  case changeInvalid = "CHANGE_INVALID"
  case requestIDReused = "REQUEST_ID_REUSED"
  case etagMismatch = "ETAG_MISMATCH"
  case rolloutInProgress = "ROLLOUT_IN_PROGRESS"
  case noRollout = "NO_ROLLOUT"
  case tooManyWatchers = "TOO_MANY_WATCHERS"
  case nothingToRollBack = "NOTHING_TO_ROLL_BACK"
  case candidateMismatch = "CANDIDATE_MISMATCH"
  case intervalInvalid = "INTERVAL_INVALID"
  case reportNotFound = "REPORT_NOT_FOUND"
  case trainingUnverified = "TRAINING_UNVERIFIED"
  case catalogUnverified = "CATALOG_UNVERIFIED"

  // MARK: Trainings
  case trainingNotLoaded = "TRAINING_NOT_LOADED"
  case trainingMissing = "TRAINING_MISSING"
  case trainingsNotConfigured = "TRAININGS_NOT_CONFIGURED"
  case trainingNotFound = "TRAINING_NOT_FOUND"
  case trainingOutside = "TRAINING_OUTSIDE"
  case trainingUnusable = "TRAINING_UNUSABLE"
  case trainingNameInvalid = "TRAINING_NAME_INVALID"
  case trainingAmbiguous = "TRAINING_AMBIGUOUS"
  case trainingIsDefault = "TRAINING_IS_DEFAULT"
  case trainingInUse = "TRAINING_IN_USE"
  case tooManyTrainings = "TOO_MANY_TRAININGS"
  case frozenPartMismatch = "FROZEN_PART_MISMATCH"

  // MARK: Load, deadlines and shutdown
  case queueFull = "QUEUE_FULL"
  case deadlineUnreachable = "DEADLINE_UNREACHABLE"
  case requestTooLarge = "REQUEST_TOO_LARGE"
  case answerTooLarge = "ANSWER_TOO_LARGE"
  case messageTooComplex = "MESSAGE_TOO_COMPLEX"
  case textNotStreamSafe = "TEXT_NOT_STREAM_SAFE"
  case messageMemoryFull = "MESSAGE_MEMORY_FULL"
  case deadlineExceeded = "DEADLINE_EXCEEDED"
  case cancelled = "CANCELLED"
  case shuttingDown = "SHUTTING_DOWN"
  case outOfMemory = "OUT_OF_MEMORY"
  case noThread = "NO_THREAD"

  // MARK: Storage
  case storageFull = "STORAGE_FULL"
  case storageReadOnly = "STORAGE_READ_ONLY"
  case storageInUse = "STORAGE_IN_USE"
  case storageUnavailable = "STORAGE_UNAVAILABLE"
  case storageCorrupt = "STORAGE_CORRUPT"
  case storageFailed = "STORAGE_FAILED"
  case formatUnsupported = "FORMAT_UNSUPPORTED"

  // MARK: Vectors in Milvus
  case backendMissing = "BACKEND_MISSING"
  case backendUnavailable = "BACKEND_UNAVAILABLE"
  case backendOverloaded = "BACKEND_OVERLOADED"
  case backendRefused = "BACKEND_REFUSED"
  case backendFailed = "BACKEND_FAILED"

  // MARK: The server itself, and the services behind the gateway
  case modelError = "MODEL_ERROR"
  case resultNotFinite = "RESULT_NOT_FINITE"
  case internalFailure = "INTERNAL"
  case stageUnavailable = "STAGE_UNAVAILABLE"
  case stageAnswerInvalid = "STAGE_ANSWER_INVALID"
  case stageFailed = "STAGE_FAILED"

  // MARK: Reports of illmrec catalog encode
  case recordUnusable = "RECORD_UNUSABLE"
  case imageNotFound = "IMAGE_NOT_FOUND"
  case imageUnreadable = "IMAGE_UNREADABLE"
}
