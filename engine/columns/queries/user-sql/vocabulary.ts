/**
 * Everything that a user's SQL may say; `docs/sql.md` lists it for users. A function belongs here
 * when its result depends on its arguments alone (or on the clock, or chance): not on files, the
 * network, the server, its settings or other tables. Left out beside those: what reads a serialised
 * aggregation state or a binary format, and what names a function by a text.
 */
const words = (text: string): readonly string[] => text.trim().split(/\s+/);

/** Words with a meaning of their own. Any other bare word is a name, and is quoted. */
export const keywords: ReadonlySet<string> = new Set(
  words(`
  select distinct on from where prewhere group by order asc desc ascending descending nulls first
  last limit offset with as join inner left right full outer cross any all asof semi anti global
  paste using and or not in between like ilike is null case when then else end union intersect
  except having qualify window over partition rows range unbounded preceding following current row
  array final sample totals rollup cube grouping sets ties fill step to interpolate staleness
  apply replace strict columns interval div mod exists filter recursive ignore respect both leading
  trailing for true false inf nan next only fetch
  nanosecond microsecond millisecond second minute hour day week month quarter year
  nanoseconds microseconds milliseconds seconds minutes hours days weeks months quarters years
`),
);

/** Keywords that a bracket may follow. Others before a bracket would be calls. */
export const keywordsBeforeBracket: ReadonlySet<string> = new Set(
  words(`
  select distinct on from where prewhere by limit offset with as join using and or not in between
  like ilike case when then else union all intersect except having qualify over sample rollup cube
  sets to step staleness interpolate apply replace strict columns interval div mod exists filter
  any array null from fill for partition is
`),
);

export const tableFunctions: ReadonlySet<string> = new Set(
  words('numbers numbers_mt zeros zeros_mt primes values generateseries generate_series'),
);

const plainFunctions = words(`
  and or not xor if ifNull nullIf coalesce multiIf caseWithExpression caseWithExpr
  caseWithoutExpression caseWithoutExpr case
  assumeNotNull toNullable isNull isNotNull isZeroOrNull
  equals notEquals less greater lessOrEquals greaterOrEquals isDistinctFrom isNotDistinctFrom
  in notIn globalIn globalNotIn nullIn notNullIn globalNullIn globalNotNullIn exists
  plus minus multiply divide divideOrNull modulo moduloOrNull positiveModulo positive_modulo pmod
  intDiv intDivOrZero intDivOrNull negate abs sign gcd lcm mod div multiplyDecimal divideDecimal
  bitAnd bitOr bitXor bitNot bitCount bitShiftLeft bitShiftRight bitRotateLeft bitRotateRight
  bitTest bitTestAll bitTestAny bitHammingDistance byteSwap
  exp exp2 exp10 log log2 log10 log1p ln sqrt cbrt pow power e pi sin cos tan asin acos atan atan2
  sinh cosh tanh asinh acosh atanh hypot degrees radians erf erfc lgamma tgamma factorial sigmoid
  floor ceil ceiling trunc truncate round roundBankers roundToExp2 roundDuration roundAge roundDown
  greatest least clamp max2 min2 isFinite isInfinite isNaN ifNotFinite width_bucket widthBucket
  rand rand32 rand64 randCanonical randUniform randNormal randConstant
  length lengthUTF8 empty notEmpty char_length character_length octet_length lower upper lcase ucase
  lowerUTF8 upperUTF8 reverse reverseUTF8 concat concat_ws concatWithSeparator substring substr mid
  substringUTF8 substringIndex left right leftUTF8 rightUTF8 leftPad rightPad lpad rpad leftPadUTF8
  rightPadUTF8 trim trimLeft trimRight trimBoth ltrim rtrim repeat space format printf initcap
  initcapUTF8 startsWith endsWith startsWithUTF8 endsWithUTF8 position positionCaseInsensitive
  positionUTF8 positionCaseInsensitiveUTF8 locate instr countSubstrings
  countSubstringsCaseInsensitive countMatches countMatchesCaseInsensitive like notLike ilike
  notILike match regexp extract extractAll extractGroups extractAllGroups
  extractAllGroupsVertical extractAllGroupsHorizontal regexpExtract regexp_extract replace
  replaceOne replaceAll replaceRegexpOne replaceRegexpAll regexp_replace regexpQuoteMeta translate
  translateUTF8 splitByChar splitByString splitByRegexp splitByWhitespace splitByNonAlpha
  alphaTokens tokens ngrams arrayStringConcat appendTrailingCharIfAbsent ascii char bin unbin hex
  unhex base64Encode base64Decode tryBase64Decode toValidUTF8 isValidUTF8 levenshteinDistance
  editDistance ngramDistance jaroSimilarity jaroWinklerSimilarity soundex hasToken
  hasTokenCaseInsensitive multiSearchAny multiSearchAnyCaseInsensitive multiSearchFirstIndex
  multiSearchFirstPosition multiSearchAllPositions
  domain domainWithoutWWW protocol path queryString cutQueryString cutFragment
  extractURLParameter encodeURLComponent decodeURLComponent
  cityHash64 sipHash64 xxHash32 xxHash64 farmHash64 intHash32 intHash64 murmurHash3_64
  murmurHash3_32 md5 sha1 sha256 crc32 javaHash
  array range arrayElement arrayElementOrNull has hasAll hasAny hasSubstr indexOf countEqual
  arrayConcat arrayMap arrayFilter arrayExists arrayAll arrayCount arraySum arrayAvg arrayMin
  arrayMax arrayProduct arrayFirst arrayFirstOrNull arrayFirstIndex arrayLast arrayLastOrNull
  arrayLastIndex arraySort arrayReverseSort arrayPartialSort arrayReverse arraySlice arrayDistinct
  arrayUniq arrayJoin arrayZip arrayFlatten flatten arrayCumSum arrayCumSumNonNegative
  arrayDifference arrayEnumerate arrayEnumerateUniq arrayEnumerateDense arrayFold arrayFill
  arrayReverseFill arraySplit arrayIntersect arrayUnion arrayExcept arrayResize arrayPushBack
  arrayPushFront arrayPopBack arrayPopFront arrayWithConstant arrayCompact arrayShuffle
  arrayRotateLeft arrayRotateRight arrayShiftLeft arrayShiftRight arrayDotProduct dotProduct
  emptyArrayUInt64 emptyArrayInt64 emptyArrayString emptyArrayFloat64 L1Norm L2Norm L1Distance
  L2Distance cosineDistance lambda
  tuple tupleElement tupleConcat tuplePlus tupleMinus untuple
  map mapKeys mapValues mapContains mapContainsKey mapFilter mapApply mapAdd mapSubtract mapSort
  mapFromArrays mapConcat mapUpdate
  cast _cast accurateCast accurateCastOrNull toString toFixedString toStringCutToZero toBool toUUID
  toUUIDOrNull toUUIDOrZero toUInt8 toUInt16 toUInt32 toUInt64 toUInt128 toUInt256 toInt8 toInt16
  toInt32 toInt64 toInt128 toInt256 toFloat32 toFloat64 toDecimal32 toDecimal64 toDecimal128
  toDecimal256 toUInt8OrNull toUInt16OrNull toUInt32OrNull toUInt64OrNull toInt8OrNull
  toInt16OrNull toInt32OrNull toInt64OrNull toFloat32OrNull toFloat64OrNull toUInt8OrZero
  toUInt16OrZero toUInt32OrZero toUInt64OrZero toInt8OrZero toInt16OrZero toInt32OrZero
  toInt64OrZero toFloat32OrZero toFloat64OrZero toUInt64OrDefault toInt64OrDefault
  toFloat64OrDefault toDecimal64OrNull toDecimal64OrZero toDecimalString toLowCardinality
  toTypeName toColumnTypeName identity materialize ignore toJSONString byteSize
  formatReadableSize formatReadableDecimalSize formatReadableQuantity formatReadableTimeDelta bar
  date timestamp toDate toDate32 toDateOrNull toDateOrZero toDateTime toDateTime64 toDateTimeOrNull
  toDateTimeOrZero toDateTime64OrNull toTime parseDateTime parseDateTimeOrNull
  parseDateTimeBestEffort parseDateTimeBestEffortOrNull parseDateTime64BestEffort
  parseDateTime64BestEffortOrNull makeDate makeDateTime makeDateTime64 now now64 nowInBlock today
  yesterday curdate current_timestamp current_date toYear toQuarter toMonth toWeek toISOWeek toISOYear
  toYearWeek toDayOfYear toDayOfMonth toDayOfWeek toHour toMinute toSecond toMillisecond
  toMicrosecond toNanosecond toUnixTimestamp toUnixTimestamp64Milli
  toUnixTimestamp64Micro toUnixTimestamp64Nano toUnixTimestamp64Second fromUnixTimestamp
  fromUnixTimestamp64Milli fromUnixTimestamp64Micro fromUnixTimestamp64Nano
  fromUnixTimestamp64Second from_unixtime toStartOfYear toStartOfISOYear toStartOfQuarter
  toStartOfMonth toMonday toStartOfWeek toStartOfDay toStartOfHour toStartOfMinute toStartOfSecond
  toStartOfMillisecond toStartOfFiveMinutes toStartOfFiveMinute toStartOfTenMinutes
  toStartOfFifteenMinutes toStartOfInterval time_bucket date_bin toLastDayOfMonth toLastDayOfWeek
  toTimeZone timeZoneOf timeZoneOffset toRelativeYearNum toRelativeMonthNum toRelativeWeekNum
  toRelativeDayNum toRelativeHourNum toRelativeMinuteNum toRelativeSecondNum toYYYYMM toYYYYMMDD
  toYYYYMMDDhhmmss dateDiff date_diff dateAdd date_add dateSub date_sub timestampAdd timestamp_add
  timestampSub timestamp_sub timestampDiff timestamp_diff dateTrunc date_trunc dateName addDate
  subDate addYears addQuarters addMonths addWeeks addDays addHours addMinutes addSeconds
  addMilliseconds subtractYears subtractQuarters subtractMonths subtractWeeks subtractDays
  subtractHours subtractMinutes subtractSeconds subtractMilliseconds age timeSlot timeSlots
  formatDateTime date_format toInterval toIntervalNanosecond toIntervalMicrosecond
  toIntervalMillisecond toIntervalSecond toIntervalMinute toIntervalHour toIntervalDay
  toIntervalWeek toIntervalMonth toIntervalQuarter toIntervalYear second minute hour day dayofmonth
  dayofweek dayofyear week month quarter year yearweek
  JSONHas JSONLength JSONType JSONKey JSONExtract JSONExtractString JSONExtractInt JSONExtractUInt
  JSONExtractFloat JSONExtractBool JSONExtractRaw JSONExtractArrayRaw JSONExtractKeys
  JSONExtractKeysAndValues JSONExtractKeysAndValuesRaw JSON_VALUE JSON_QUERY JSON_EXISTS isValidJSON
  simpleJSONHas simpleJSONExtractString simpleJSONExtractInt simpleJSONExtractUInt
  simpleJSONExtractFloat simpleJSONExtractBool simpleJSONExtractRaw visitParamExtractString
  transform generateUUIDv4 generateUUIDv7 UUIDv7ToDateTime runningDifference
  runningDifferenceStartingWithFirstValue rowNumberInBlock rowNumberInAllBlocks neighbor grouping
  greatCircleDistance geoDistance pointInPolygon pointInEllipses throwIf
  row_number rank dense_rank denseRank percent_rank percentRank cume_dist ntile lag lead lagInFrame
  leadInFrame nth_value first_value last_value nonNegativeDerivative exponentialTimeDecayedAvg
  exponentialTimeDecayedSum exponentialTimeDecayedCount exponentialTimeDecayedMax
`);

const aggregates = words(`
  count sum sumKahan sumWithOverflow sumCount avg avgWeighted min max any anyLast any_value anyHeavy
  first_value last_value argMin argMax min_by max_by uniq uniqExact uniqCombined uniqCombined64
  uniqHLL12 uniqUpTo quantile quantiles median quantileExact quantilesExact quantileExactLow
  quantileExactHigh quantileExactInclusive quantilesExactInclusive quantileExactExclusive
  quantilesExactExclusive quantileExactWeighted quantilesExactWeighted quantileTDigest
  quantilesTDigest quantileTDigestWeighted quantileTiming quantilesTiming quantileDeterministic
  quantilesDeterministic quantileDD quantileGK quantilesGK medianExact medianTDigest
  medianTiming varPop varSamp var_pop var_samp variance stddevPop stddevSamp stddev_pop stddev_samp
  stddev varPopStable varSampStable stddevPopStable stddevSampStable covarPop covarSamp covar_pop
  covar_samp corr skewPop skewSamp kurtPop kurtSamp entropy groupArray array_agg groupUniqArray
  groupArrayLast groupArrayInsertAt groupArraySorted groupArrayMovingSum groupArrayMovingAvg
  groupArraySample groupConcat group_concat string_agg groupBitAnd groupBitOr groupBitXor bit_and
  bit_or bit_xor sumMap minMap maxMap topK topKWeighted approx_top_k approx_top_sum histogram
  deltaSum deltaSumTimestamp boundingRatio simpleLinearRegression studentTTest welchTTest
  mannWhitneyUTest rankCorr cramersV theilsU contingency maxIntersections
  maxIntersectionsPosition intervalLengthSum sequenceMatch sequenceCount windowFunnel retention
  singleValueOrNull sparkbar exponentialMovingAverage largestTriangleThreeBuckets
`);

/** What may follow an aggregate's name. Not `State` and `Merge`: they hand around memory as it lies. */
const combinators = words('If Array Map Distinct OrDefault OrNull Resample ForEach ArgMin ArgMax');

const functions: ReadonlySet<string> = new Set(plainFunctions.map(lower));
const aggregateNames: ReadonlySet<string> = new Set(aggregates.map(lower));
const combinatorEnd = new RegExp(`(?:${combinators.map(lower).join('|')})$`);

/** Case is ignored, as ClickHouse does for many names; no name that differs by case alone is harmful. */
export function isAllowedFunction(name: string): boolean {
  let rest = name.toLowerCase();
  if (functions.has(rest)) return true;
  for (let count = 0; count <= combinatorsMax; count++) {
    if (aggregateNames.has(rest)) return true;
    const shorter = rest.replace(combinatorEnd, '');
    if (shorter === rest) return false;
    rest = shorter;
  }
  return false;
}

const combinatorsMax = 3;

/** Types by their lower-case names. */
export const types: ReadonlySet<string> = new Set(
  words(`
  uint8 uint16 uint32 uint64 uint128 uint256 int8 int16 int32 int64 int128 int256 float32 float64
  bool boolean string fixedstring uuid date date32 datetime datetime32 datetime64 decimal decimal32
  decimal64 decimal128 decimal256 enum enum8 enum16 nullable lowcardinality array tuple map nothing
  ipv4 ipv6 int integer bigint smallint tinyint float double real text varchar char numeric
  timestamp signed unsigned intervalsecond intervalminute intervalhour intervalday intervalweek
  intervalmonth intervalquarter intervalyear
`),
);

/** Functions whose last argument is the name of a type. */
export const takesType: ReadonlySet<string> = new Set(
  words('cast _cast accuratecast accuratecastornull jsonextract jsonextractkeysandvalues'),
);

/** Whether a type's text holds nothing but known types, numbers, texts and, in tuples, names. */
export function isAllowedType(text: string): boolean {
  const bare = text.replace(/'(?:[^'\\]|\\.)*'/g, "''");
  if (!/^[\w\s,()=.'`+-]*$/.test(bare)) return false;
  // The name of a tuple's element stands before its type, with a space between.
  for (const part of bare.split(/[(),]/)) {
    const item = part.trim();
    if (item === '' || /^(?:-?\d+|''(?:\s*=\s*-?\d+)?)$/.test(item)) continue;
    const type = /^(?:(?:\w+|`\w+`)\s+)?(\w+)$/.exec(item)?.[1];
    if (type === undefined || !types.has(type.toLowerCase())) return false;
  }
  return true;
}

function lower(text: string): string {
  return text.toLowerCase();
}
