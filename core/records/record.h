// Records as a source hands them over: bytes that stay where they are, and where they came from.
#pragma once
#include <cstdint>
#include <limits>
#include <memory>
#include <string_view>
#include <vector>

#include "core/base/time.h"

namespace tamis::records {

/// Readable bytes that must follow a record for it to be parsed in place (simdjson's padding).
inline constexpr size_t padding = 64;

struct Record {
  std::string_view
      bytes;           ///< valid as long as the batch; empty and `is_null` for a Kafka record without a value
  int64_t offset = 0;  ///< Kafka offset, or the byte at which the record begins in its file
  int64_t line = 0;    ///< of a file, from 1; else 0
  base::Instant time{};  ///< Kafka's timestamp; meaningless when the source has none
  bool is_null = false;
  bool is_lookback =
      false;  ///< before the slice's start: read only for its deduplication keys, counted nowhere
};

/// Consecutive records of one slice.  A batch is a fixed number of records but for the slice's last.
struct RecordBatch {
  std::vector<Record> records;
  std::shared_ptr<void> owner;  ///< keeps the bytes; what it is is the source's business
  bool padded = false;          ///< `padding` readable bytes follow every record
  void clear() {
    records.clear();
    owner.reset();
  }
};

}  // namespace tamis::records
