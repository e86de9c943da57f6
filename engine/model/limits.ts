/**
 * Every bound of the engine, in one place; `docs/limits.md` lists them for users. Relations
 * between bounds are asserted at load.
 */
export const limits = {
  /** Actions in one tick. */
  tickActionsMax: 100_000,
  /** Effects of one action. */
  actionEffectsMax: 10_000,
  /** Effects in one tick, its own included. */
  tickEffectsMax: 1_000_000,
  /** Arrow schemas of commit bodies remembered for the next tick, and bytes of the longest. */
  commitSchemasCachedMax: 256,
  commitSchemaCachedBytesMax: 16 * 1024,
  /** Bytes of one record in the log. */
  logRecordBytesMax: 256 * 1024 * 1024,
  /** Bytes appended and not yet durable; past it appends answer OVERLOADED. */
  logPendingBytesMax: 512 * 1024 * 1024,
  /** Bytes of one log segment before the next begins. */
  logSegmentBytesMax: 256 * 1024 * 1024,
  /** Records, and bytes unless one record alone is larger, that share one write and one sync. */
  logGroupRecordsMax: 1024,
  logGroupBytesMax: 4 * 1024 * 1024,
  /** Log bytes after which a checkpoint is taken: what a restart has to replay at most, about. */
  checkpointEveryBytes: 64 * 1024 * 1024,
  /** Memory of live rows and views, with keys, indexes and strings; past it ticks that may create rows are refused, and with the answers of sessions, new sessions. */
  rowMemoryBytesMax: 4 * 1024 * 1024 * 1024,
  /** How far past `rowMemoryBytesMax` actions and events that views group are taken, as a share of it. */
  viewOverdraftShare: 1 / 8,
  /** Ticks of one session that may wait for the tick they name in `afterTick`. */
  ticksWaitingMax: 64,
  /** Memory of the ticks of all sessions that wait for the tick they name in `afterTick`. */
  ticksWaitingBytesMax: 256 * 1024 * 1024,
  /** How long a tick waits for the one it names in `afterTick` before TICK_OUT_OF_ORDER. */
  tickWaitMs: 5_000,
  /** How long a read waits for the position it demands before NOT_CAUGHT_UP. */
  readWaitMs: 5_000,
  /** Commits admitted and not yet answered, all sessions. */
  commitsPendingMax: 10_000,
  /** Sessions of a title, closed ones among them: these keep fence, chain and newest answers. */
  sessionsMax: 100_000,
  /** Sessions and rows whose contention is counted at a time: the busiest, the most contended. */
  contentionSessionsMax: 4_096,
  contentionKeysMax: 1_024,
  /** Characters of a key that contention names; rows with longer keys are counted without a name. */
  contentionKeyLengthMax: 1_024,
  /** Sessions remembered of one row that several sessions write. */
  contentionKeySessionsMax: 64,
  /** Rows of one answer about contention. */
  contentionRowsMax: 200,
  /** Operations whose costs are summed up, by shape; the one not seen for longest leaves. */
  operationsKeptMax: 1_000,
  /** Characters of an operation's text that are kept. */
  operationTextLengthMax: 2_048,
  /** Roles told of one operation. */
  operationRolesMax: 16,
  /** Slow operations kept, and written to the log each second. */
  slowOperationsKeptMax: 500,
  slowOperationsLoggedPerSecondMax: 10,
  /** Insights of one answer. */
  insightsMax: 200,
  /** Ticks of a session whose answers are kept for retries; older ones answer TICK_OUT_OF_ORDER. */
  idempotencyTicksMax: 131_072,
  /** Ticks, and as many keys of a client's own, whose answers a closed session keeps, for good. */
  closedSessionAnswersMax: 1_024,
  /** Actions that are answered once whose first verdicts are kept, and for how long: whichever ends first. */
  firstVerdictsMax: 1_000_000,
  firstVerdictsMs: 24 * 60 * 60 * 1000,
  /** Verdicts older than that which one tick forgets: a few milliseconds of it after a quiet day. */
  firstVerdictsForgottenMax: 10_000,
  /** Newest ticks, and bytes, whose action ids are kept to name the last writer in a conflict. */
  actionNamesTicksMax: 4_096,
  actionNamesBytesMax: 16 * 1024 * 1024,
  /** Applied ticks that a replay remembers, for the records that witness them. */
  replayLinksMax: 65_536,
  /** Bytes of one string, JSON text or bytes value. */
  valueBytesMax: 1024 * 1024,
  /** Characters of one personal value, and memory of all of a title, indexes included. */
  personalValueLengthMax: 4_096,
  personalBytesMax: 1024 * 1024 * 1024,
  /** When a tick may be sent again that found the vault's disk full. */
  vaultRetryMs: 1_000,
  /** Objects and lists within each other in a value of a JSON column. */
  jsonDepthMax: 128,
  /** Elements of one list value. */
  listElementsMax: 65_536,
  /** Rows of one page, groups of one answer. */
  pageRowsMax: 10_000,
  pageRowsDefault: 100,
  /** Columns of one `orderBy`, columns of one `by`. */
  orderColumnsMax: 32,
  groupColumnsMax: 32,
  /** Depth of a `where` or `require`. */
  filterDepthMax: 16,
  /** Comparisons and listed values of one `where` or `require`; a `like` counts as so many of them. */
  filterTermsMax: 10_000,
  likeTerms: 10,
  /** Characters of a `like` pattern. */
  likePatternLengthMax: 1_024,
  /**
   * What one operation may have compared and built on the main thread, all its fields together, in
   * units of about a comparison: some 5 to 10 ns each. A row looked at costs `rowReadUnits` and its
   * condition, a row answered `rowAnsweredUnits`, a comparison or listed value `termParsedUnits`
   * where it is read.
   */
  operationUnitsMax: 20_000_000,
  rowReadUnits: 4,
  rowAnsweredUnits: 200,
  termParsedUnits: 100,
  /**
   * Rows of a table that may all be looked at where no key or index leads to those asked for: live
   * rows on the main thread, for any class, and any rows for GAMEPLAY. Beyond, live rows are not
   * scanned: the column store answers, and GAMEPLAY is refused.
   */
  scanRowsMax: 10_000,
  /** How long such work of the whole process goes on before the event loop has a turn. */
  workSliceMs: 2,
  /** Reads of one subject that wait for their turn at such work. */
  workWaitingMax: 1_000,
  /** Writes remembered for reads of live rows that go on over turns, a table or view. */
  readJournalMax: 4_000_000,
  /** What the `require`s of one tick may cost, comparisons times effects. */
  tickGuardUnitsMax: 50_000_000,
  /** The size of a manifest. */
  manifestTablesMax: 256,
  manifestViewsMax: 256,
  manifestRolesMax: 64,
  tableColumnsMax: 512,
  tableIndexesMax: 16,
  /** Values of an enum: ordinals of 16 bits. */
  enumValuesMax: 65_535,
  descriptionLengthMax: 2_000,
  /** Subjects whose tokens are revoked at a time, and characters of the reason given. */
  revocationsMax: 10_000,
  rulingReasonLengthMax: 1_000,
  /** Rows of one partition of a top view. */
  topViewRowsMax: 1_000,
  /** Deltas a feed remembers for cursors and slow subscribers: changes in rows, summed. */
  feedRingRowsMax: 200_000,
  feedRingTicksMax: 20_000,
  /** Bytes of copied rows that the feed of a state table remembers. */
  feedRingBytesMax: 64 * 1024 * 1024,
  /** A subscriber this close to the log, in ticks and in time, gets a frame a tick; else one of all. */
  feedStepFramesMax: 256,
  feedStepMs: 1_000,
  /** How long the feed of a state table goes on remembering after its last subscriber left. */
  feedGraceMs: 30_000,
  /** How long subscribers are served before the event loop has a turn: ticks are taken then. */
  feedSliceMs: 1,
  /** Rows in frames kept for the next subscriber with the same where. */
  feedFrameCacheRowsMax: 100_000,
  /** Changed rows that a feed keeps for its subscribers with another where. */
  feedChangesCacheRowsMax: 20_000,
  subscribersPerFeedMax: 50_000,
  /** What testing one changed row may cost by one subscription's where, and by all of a subject. */
  subscriptionUnitsMax: 200,
  subjectSubscriptionUnitsMax: 4_000,
  /** What reading a subscription's first rows from the column store may take: rows at a time, memory, rows read and time. */
  snapshotPageRows: 4_000,
  snapshotMemoryBytesMax: 512 * 1024 * 1024,
  snapshotRowsReadMax: 500_000_000,
  snapshotReadMs: 30_000,
  /** How often it begins again where the feed has forgotten meanwhile what came since. */
  snapshotAttemptsMax: 4,
  /** A live subscription without news says so this often. */
  heartbeatMs: 10_000,
  /** Bytes of a Parquet footer that is held in memory to name its columns of bytes: some 100 a column and row group of a million rows. */
  parquetFooterBytesMax: 16 * 1024 * 1024,
  /** Bytes, and words and signs, of one SQL text of a user. */
  sqlTextBytesMax: 64 * 1024,
  sqlTokensMax: 20_000,
  /** Databases of views by which roles see parts of a title in SQL; there is one for each form of rules. */
  sqlDatabasesMax: 64,
  /** Bytes of SQL that an audit line and the list of running queries show. */
  sqlShownLengthMax: 1_024,
  /** Bytes of one answer of the column store that is read as a whole: reading 16 MiB of JSON holds everything else up for a tenth of a second. Exports have no such bound. */
  columnsAnswerBytesMax: 16 * 1024 * 1024,
  /** Rows and bytes of one insert into the column store, unless one tick alone has more. */
  columnsBlockRowsMax: 500_000,
  columnsBlockBytesMax: 32 * 1024 * 1024,
  /** Memory for change sets the column store does not have yet; past it they wait on disk. */
  columnsBacklogBytesMax: 192 * 1024 * 1024,
  /** How long columns and commits share the processors after a start, at most. */
  columnsCatchUpMs: 60_000,
  /** How long the embedded ClickHouse merges nothing meanwhile: a table gets some ten parts a second, and inserts are slowed down from 1,000 on. */
  columnsMergePauseMs: 15_000,
  /** How long an orderly end waits for the column store; the rest is kept for the next start. */
  columnsCloseWaitMs: 5_000,
} as const;

if (limits.logPendingBytesMax < limits.logRecordBytesMax) {
  throw new RangeError('the largest record must fit in the pending bound');
}
if (limits.ticksWaitingBytesMax < limits.logRecordBytesMax) {
  throw new RangeError('the largest tick must be able to wait');
}
// A record witnesses a tick that was applied when it was appended: so far behind is it at most.
if (limits.replayLinksMax <= limits.commitsPendingMax) {
  throw new RangeError('a tick must be remembered until the record that witnesses it');
}
if (limits.firstVerdictsMax < limits.tickActionsMax) {
  throw new RangeError('the verdicts of one tick must be remembered');
}
if (limits.closedSessionAnswersMax > limits.idempotencyTicksMax) {
  throw new RangeError('a closed session keeps a part of what an open one does');
}
