// The answer to a bulk request: what became of each document, by its position.  Used by BulkWriter.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tamis::sinks {

/// A document that was not just indexed.
struct BulkItem {
  uint32_t position = 0;
  int status = 0;
  std::string type, reason;
};

struct BulkAnswer {
  bool readable = false;         ///< false: cut off, or no answer to a bulk request
  size_t items = 0;              ///< how many there are
  std::vector<BulkItem> failed;  ///< those with a status other than 2xx, in order
};

/// Reads `{"errors":…,"items":[{"index":{"status":201}},…]}` whatever the order of its members.
BulkAnswer read_bulk_answer(std::string_view json);

enum class Verdict {
  done,           ///< it is there
  already_there,  ///< the same or a newer version was there before
  retry,          ///< again, later
  retry_slowly,   ///< again, much later: the disk is full
  isolate,        ///< the server refused a neighbour: again, in smaller requests
  refuse,         ///< never: the document is not what the index takes
  misplaced       ///< never, and none of its neighbours either: the index or the permission is wrong
};

/// What to do about one document.  `attempt` tries went before.
Verdict judge_item(const BulkItem& item, int attempt);

/// The words of a whole request's error: `type: reason`, or the body itself when it is no such JSON.
std::string error_text(std::string_view body);

}  // namespace tamis::sinks
