// Documents on their way to a sink: ids and JSON bodies in one buffer, and the rows they came from.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/records/batch.h"

namespace tamis::records {

struct DocumentBatch {
  struct Entry {
    uint32_t index = 0;  ///< into `indices`
    uint32_t row = 0;    ///< of `origin`
    uint64_t id = 0;     ///< where the id begins in `bytes`; the body follows it
    uint32_t id_size = 0;
    uint32_t body_size = 0;
    int64_t version = -1;  ///< external version (greater or equal wins); -1: none
  };
  std::vector<std::string> indices;  ///< index, table, topic or path names that the entries use
  std::string bytes;
  std::vector<Entry> entries;
  std::shared_ptr<const Batch> origin;  ///< for rejecting what the sink refuses; none for windows and rejects

  std::string_view id(const Entry& e) const { return std::string_view(bytes).substr(e.id, e.id_size); }
  /// The whole document as JSON, `{…}`.
  std::string_view body(const Entry& e) const {
    return std::string_view(bytes).substr(e.id + e.id_size, e.body_size);
  }
  const std::string& index(const Entry& e) const { return indices[e.index]; }
  void clear() {
    indices.clear();
    bytes.clear();
    entries.clear();
    origin.reset();
  }
};

/// Called by a sink for a document that the target refuses for good, with the target's words.  From any
/// thread of the sink, one at a time.
using OnRefused =
    std::function<void(const DocumentBatch& batch, const DocumentBatch::Entry& entry, std::string message)>;

}  // namespace tamis::records
