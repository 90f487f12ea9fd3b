// A Kafka topic in memory: what `kafka:` reads in the conformance cases, planned and cut as the real source
// does.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/base/json.h"
#include "tasks/sources/source.h"

namespace tamis::conformance {

struct StoredRecord {
  std::string bytes;  ///< with room behind it, so that it can be parsed in place
  size_t size = 0;
  base::Instant time{};
  bool is_null = false, is_hole = false;
};

/// Offsets of a partition are the indices.
struct Topic {
  std::map<int, std::vector<StoredRecord>> partitions;
  /// Appends the lines of an `input*.jsonl`.
  void append_lines(const std::string& text);
};

/// `is_padded`: whether batches say that records can be parsed in place.
std::unique_ptr<sources::Source> make_memory_source(std::shared_ptr<const Topic> topic,
                                                    const base::Node& parameters, bool is_padded);

}  // namespace tamis::conformance
